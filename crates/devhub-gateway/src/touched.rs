//! What the hub has changed since somebody last looked: for whoever keeps a copy of the table in another form.

use std::collections::BTreeSet;

use devhub_decision::Change;

/// Clients that are remembered one by one; when more have changed, all count as changed.
const CLIENTS_MAX: usize = 10_000;

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Everything may have: there is another table, or too much of it has changed to be told apart.
    pub all: bool,
    /// A version, a namespace or the credential class has.
    pub catalogue: bool,
    /// Something of these client ids has.
    pub clients: BTreeSet<Box<str>>,
}

impl Touched {
    /// Everything may have changed.
    pub fn everything() -> Touched {
        Touched { all: true, ..Touched::default() }
    }

    /// Nothing has changed.
    pub fn is_empty(&self) -> bool {
        !self.all && !self.catalogue && self.clients.is_empty()
    }

    /// Remembers the changes of a commit.
    pub(crate) fn note<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>) {
        for change in changes {
            let client_id = match change {
                Change::Version(_) | Change::Namespace(_) | Change::CredentialClass(_) => {
                    self.catalogue = true;
                    continue;
                }
                Change::Application(entry) => &entry.client_id,
                Change::Subscription(entry) => &entry.client_id,
                Change::Waiver(entry) => &entry.client_id,
                Change::Exemption(entry) => &entry.client_id,
                Change::ServiceAccount(entry) => &entry.client_id,
                Change::Installation(entry) => &entry.client_id,
            };
            if self.all || self.clients.contains(client_id) {
                continue;
            }
            if self.clients.len() == CLIENTS_MAX {
                *self = Touched::everything();
            } else {
                self.clients.insert(client_id.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use devhub_decision::{CredentialClassEntry, Environment, ExemptionEntry, VersionName};

    use super::*;

    fn of(client: usize) -> Change {
        Change::Exemption(ExemptionEntry {
            client_id: format!("client-{client}").into(),
            environment: Environment::Sandbox,
            version: VersionName::new("hello", "1.0"),
            exempt: true,
        })
    }

    #[test]
    fn clients_are_told_apart_up_to_a_limit() {
        let mut touched = Touched::default();
        assert!(touched.is_empty() && !Touched::everything().is_empty());
        touched.note(&(0..CLIENTS_MAX).map(of).collect::<Vec<_>>());
        // One that is known already takes no room.
        touched.note(&[of(7)]);
        assert_eq!((touched.all, touched.catalogue, touched.clients.len()), (false, false, CLIENTS_MAX));
        touched.note(&[of(CLIENTS_MAX), of(1)]);
        assert_eq!((touched.all, touched.clients.len()), (true, 0));
    }

    #[test]
    fn what_belongs_to_nobody_is_the_catalogue() {
        let mut touched = Touched::default();
        touched.note(&[Change::CredentialClass(CredentialClassEntry { sunset_at: None })]);
        assert_eq!(touched, Touched { catalogue: true, ..Touched::default() });
    }
}
