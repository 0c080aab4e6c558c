//! The secret of an account while the call that made it goes on: afterwards nobody has its text but the caller.

use crate::domain::client_secret::Made;
use crate::domain::service_account::ServiceAccount;
use crate::secret::{Peppers, Secret};

/// A secret that was made for a call, with what is kept of it.
pub(super) struct Fresh {
    secret: Secret,
    made: Made,
}

impl Fresh {
    /// Makes one.
    pub(super) fn make(peppers: &Peppers) -> Fresh {
        let secret = Secret::generate();
        let made = Made { hash: peppers.hash(&secret), last_shown: secret.last_shown().to_owned() };
        Fresh { secret, made }
    }

    /// What is to be kept of it.
    pub(super) fn made(&self) -> Made {
        self.made.clone()
    }

    /// The text of the secret, if `account` has it; none if its secret was made when the request id was first used. And
    /// whether that is so.
    pub(super) fn reveal(fresh: Option<Fresh>, account: &ServiceAccount) -> (String, bool) {
        let Some(kept) = &account.secret else { return (String::new(), false) };
        match fresh.filter(|fresh| fresh.made.hash == kept.hash) {
            Some(fresh) => (fresh.secret.reveal().to_owned(), false),
            None => (String::new(), true),
        }
    }
}
