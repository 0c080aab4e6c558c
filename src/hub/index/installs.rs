//! Which applications a company has installed, or had.

use std::collections::HashMap;
use std::sync::Arc;

use super::Index;
use crate::domain::installation::Installation;
use crate::domain::name::{ApplicationId, CompanyId};

/// Applications by company, in order. One shared pointer for each installation: there may be millions.
#[derive(Debug, Default)]
pub(super) struct Installs(HashMap<CompanyId, Vec<Arc<str>>>);

impl Installs {
    /// Learns that a company has an application; `id` is the one shared copy of its id.
    pub(super) fn learn(&mut self, installation: &Installation, id: Arc<str>) {
        let of_company = self.0.entry(installation.company.clone()).or_default();
        if let Err(place) = of_company.binary_search(&id) {
            // Companies have few applications: what is reserved for more would be most of what is kept.
            of_company.reserve_exact(1);
            of_company.insert(place, id);
        }
    }

    fn page(&self, company: &CompanyId, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        let known = self.0.get(company).map(Vec::as_slice).unwrap_or_default();
        let start = after.map_or(0, |after| known.partition_point(|id| **id <= *after));
        let page = known[start..].iter().take(limit);
        page.map(|id| id.parse().expect("only valid ids are indexed")).collect()
    }
}

impl Index {
    /// Up to `limit` applications that a company has installed, or had, after `after`.
    pub fn installed_in(&self, company: &CompanyId, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        self.0.read().installs.page(company, after, limit)
    }
}
