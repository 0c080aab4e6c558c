//! Accounts that were created while creation was open again.

use devhub_proto::v1;
use serde::Serialize;

use crate::cli::output::Row;
use crate::cli::view::service_account::ServiceAccountView;
use crate::cli::view::{or_empty, time};

/// The times in which accounts could be created again, and what was created in them.
#[derive(Debug, Clone, Serialize)]
pub struct ReopenedView {
    windows: Vec<WindowView>,
    accounts: Vec<ServiceAccountView>,
}

/// A time in which accounts could be created again.
#[derive(Debug, Clone, Serialize)]
pub struct WindowView {
    from_time: Option<String>,
    until_time: Option<String>,
    accounts: u64,
}

impl ReopenedView {
    /// The times and all accounts of all pages.
    pub fn new(windows: Vec<v1::ReopenedWindow>, accounts: Vec<v1::ServiceAccount>) -> ReopenedView {
        let window = |window: v1::ReopenedWindow| WindowView {
            from_time: time(window.from_time),
            until_time: time(window.until_time),
            accounts: window.accounts,
        };
        ReopenedView {
            windows: windows.into_iter().map(window).collect(),
            accounts: accounts.into_iter().map(ServiceAccountView::from).collect(),
        }
    }

    /// The times.
    pub fn windows(&self) -> &[WindowView] {
        &self.windows
    }

    /// The accounts.
    pub fn accounts(&self) -> &[ServiceAccountView] {
        &self.accounts
    }
}

impl Row for WindowView {
    const HEADER: &'static [&'static str] = &["OPEN AGAIN SINCE", "UNTIL", "ACCOUNTS CREATED"];

    fn cells(&self) -> Vec<String> {
        let until =
            self.until_time.as_ref().map_or_else(|| "no end is known".to_owned(), |_| or_empty(&self.until_time));
        vec![or_empty(&self.from_time), until, self.accounts.to_string()]
    }
}
