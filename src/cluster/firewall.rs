//! The cloud's firewall, changed while the cluster runs: as with a cloud's own tool, and unlike a Lab, nothing starts anew.
//!
//! A rule that is taken away stops the connections that it let in, too; clouds differ in that (some let known ones end in peace).

use super::Cluster;
use crate::object::Opening;

/// Why the firewall was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// No firewall stands before the nodes.
    NoFirewall,
    /// It has the rule already, or lacks it.
    AsItWas,
}

impl Cluster {
    /// What the firewall lets in now; none if there is no firewall.
    pub fn firewall(&self) -> Option<&[Opening]> {
        self.firewall.as_deref()
    }

    /// From now on the firewall lets this in.
    pub fn open_firewall(&mut self, opening: Opening) -> Result<(), Unchanged> {
        let rules = self.firewall.as_mut().ok_or(Unchanged::NoFirewall)?;
        if rules.contains(&opening) {
            return Err(Unchanged::AsItWas);
        }
        rules.push(opening);
        self.fabric.guard(&self.profile, rules);
        self.tick();
        Ok(())
    }

    /// From now on no such rule lets anything in.
    pub fn close_firewall(&mut self, opening: Opening) -> Result<(), Unchanged> {
        let rules = self.firewall.as_mut().ok_or(Unchanged::NoFirewall)?;
        let at = rules.iter().position(|rule| *rule == opening).ok_or(Unchanged::AsItWas)?;
        rules.remove(at);
        self.fabric.guard(&self.profile, rules);
        self.tick();
        Ok(())
    }
}
