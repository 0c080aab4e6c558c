//! Reports that may come again: the latest request ids with their verdicts, in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::Refusal;
use crate::domain::name::RequestId;
use crate::domain::usage::Unusable;

/// Request ids remembered; the oldest is forgotten first.
const IDS_MAX: usize = 10_000;

/// The verdict on each report of one call.
pub(super) type Verdicts = Arc<[Result<(), Unusable>]>;

/// The latest request ids.
#[derive(Default)]
pub(super) struct Repeats {
    order: VecDeque<RequestId>,
    known: HashMap<RequestId, ([u8; 32], Verdicts)>,
}

impl Repeats {
    /// The verdicts that were given under `id`, if it is remembered.
    ///
    /// # Errors
    /// When they were given to another request.
    pub(super) fn find(&self, id: &RequestId, fingerprint: [u8; 32]) -> Result<Option<Verdicts>, Refusal> {
        match self.known.get(id) {
            Some((known, _)) if *known != fingerprint => Err(Refusal::RequestIdReused),
            Some((_, verdicts)) => Ok(Some(Arc::clone(verdicts))),
            None => Ok(None),
        }
    }

    /// Remembers the verdicts given under `id`, which is new.
    pub(super) fn remember(&mut self, id: &RequestId, fingerprint: [u8; 32], verdicts: &Verdicts) {
        if self.order.len() == IDS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.known.insert(id.clone(), (fingerprint, Arc::clone(verdicts)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_ids_are_remembered_and_no_more() {
        let mut repeats = Repeats::default();
        let id = |number: usize| format!("r-{number}").parse::<RequestId>().expect("an id");
        let verdicts: Verdicts = Arc::from([Ok(()), Err(Unusable::Calls)]);
        for number in 0..=IDS_MAX {
            repeats.remember(&id(number), [1; 32], &verdicts);
        }
        assert_eq!((repeats.order.len(), repeats.known.len()), (IDS_MAX, IDS_MAX));
        assert_eq!(repeats.find(&id(0), [1; 32]), Ok(None));
        assert_eq!(repeats.find(&id(1), [1; 32]), Ok(Some(verdicts.clone())));
        assert_eq!(repeats.find(&id(IDS_MAX), [1; 32]), Ok(Some(verdicts)));
        assert_eq!(repeats.find(&id(1), [2; 32]), Err(Refusal::RequestIdReused));
    }
}
