//! Which applications are to be deleted because nobody uses them.

use std::ops::Bound;

use super::{Index, Inner};
use crate::domain::disuse::Disuse;
use crate::domain::name::ApplicationId;

impl Inner {
    pub(super) fn learn_disuse(&mut self, disuse: &Disuse) {
        if disuse.is_announced() {
            let id = self.shared(&disuse.application);
            self.unused.insert(id, disuse.clone());
        } else {
            self.unused.remove(disuse.application.as_str());
        }
    }
}

impl Index {
    /// The announced deletion of an application that nobody uses, if it is still to come.
    pub fn disuse(&self, id: &ApplicationId) -> Option<Disuse> {
        self.0.read().unused.get(id.as_str()).cloned()
    }

    /// Up to `limit` applications that are to be deleted because nobody uses them, after `after`.
    pub fn unused(&self, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        let inner = self.0.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = inner.unused.range::<str, _>((start, Bound::Unbounded)).take(limit);
        found.map(|(_, disuse)| disuse.application.clone()).collect()
    }

    /// How many there are.
    pub fn unused_count(&self) -> usize {
        self.0.read().unused.len()
    }
}
