//! Whether counts are as even as chance makes them.

/// Beyond this many deviations counts are not even: a right system gets there less than once in ten million times.
const MOST: f64 = 5.2;

/// Pearson's statistic of counts, each with its weight.
pub(crate) fn chi_square(counts: &[(usize, usize)]) -> f64 {
    let (all, weights) = counts.iter().fold((0, 0), |sum, (count, weight)| (sum.0 + count, sum.1 + weight));
    let term = |(count, weight): &(usize, usize)| {
        let expected = all as f64 * *weight as f64 / weights as f64;
        (*count as f64 - expected).powi(2) / expected
    };
    counts.iter().map(term).sum()
}

/// How many standard deviations a chi-square of so many degrees of freedom lies above what is expected, by the
/// approximation of Wilson and Hilferty, which far from the middle is on the safe side.
pub(crate) fn deviations(chi_square: f64, freedom: usize) -> f64 {
    let part = 2.0 / (9.0 * freedom.max(1) as f64);
    ((chi_square / freedom.max(1) as f64).cbrt() - (1.0 - part)) / part.sqrt()
}

/// Whether counts with such a chi-square are even.
pub(crate) fn is_even(chi_square: f64, freedom: usize) -> bool {
    freedom == 0 || deviations(chi_square, freedom) < MOST
}
