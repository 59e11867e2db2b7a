//! Seeded chance. One generator per cluster, forked by purpose, so that a new draw in one place does not move the others.

use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// A small seeded generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    seed: u64,
    state: Pcg32,
}

impl Rng {
    /// The generator of a session's seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: Pcg32::new(seed, 0) }
    }

    /// An independent generator for one purpose, such as `"pod-name"`; the same purpose always gives the same fork.
    pub fn fork(&self, purpose: &str) -> Self {
        // FNV-1a: a stream number from the purpose's name.
        let stream =
            purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self { seed: self.seed ^ stream.rotate_left(17), state: Pcg32::new(self.seed, stream) }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.state.next_u32()
    }

    /// A number in `0..bound`, each as likely; `bound` must not be zero.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "a choice among nothing");
        // Lemire's method, without the bias of a plain remainder.
        loop {
            let wide = u64::from(self.next_u32()) * u64::from(bound);
            if wide as u32 >= bound.wrapping_neg() % bound {
                return (wide >> 32) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_are_independent_and_repeatable() {
        let root = Rng::new(42);
        let draw = |purpose: &str| {
            let mut rng = root.fork(purpose);
            (0..4).map(|_| rng.next_u32()).collect::<Vec<_>>()
        };
        assert_eq!(draw("pod-name"), draw("pod-name"));
        assert_ne!(draw("pod-name"), draw("kube-proxy"));
    }

    #[test]
    fn below_is_even() {
        let mut rng = Rng::new(1);
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[rng.below(3) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (9_700..10_300).contains(n)), "{counts:?}");
    }
}
