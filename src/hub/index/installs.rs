//! Which applications a company has installed, or had.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Index;
use crate::domain::installation::Installation;
use crate::domain::name::{ApplicationId, CompanyId};

/// Applications by company, in order. One shared pointer for each installation: there may be millions.
#[derive(Debug, Default)]
pub(super) struct Installs {
    known: HashMap<CompanyId, Vec<Arc<str>>>,
    /// Those of them that were uninstalled; few.
    gone: HashSet<(CompanyId, Arc<str>)>,
    /// How many companies have each application installed.
    counts: HashMap<Arc<str>, u64>,
}

impl Installs {
    /// Learns that a company has, or had, an application; `id` is the one shared copy of its id.
    pub(super) fn learn(&mut self, installation: &Installation, id: Arc<str>) {
        let of_company = self.known.entry(installation.company.clone()).or_default();
        let was_known = match of_company.binary_search(&id) {
            Ok(_) => true,
            Err(place) => {
                // Companies have few applications: what is reserved for more would be most of what is kept.
                of_company.reserve_exact(1);
                of_company.insert(place, Arc::clone(&id));
                false
            }
        };
        let place = (installation.company.clone(), Arc::clone(&id));
        let was_gone = if installation.is_installed() { self.gone.remove(&place) } else { !self.gone.insert(place) };
        let was_installed = was_known && !was_gone;
        let count = self.counts.entry(id).or_default();
        *count = count.saturating_sub(u64::from(was_installed)) + u64::from(installation.is_installed());
    }

    fn page(&self, company: &CompanyId, after: Option<&str>, limit: usize) -> Vec<ApplicationId> {
        let known = self.known.get(company).map(Vec::as_slice).unwrap_or_default();
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

    /// How many companies have an application installed.
    pub fn installed_count(&self, application: &ApplicationId) -> u64 {
        self.0.read().installs.counts.get(application.as_str()).copied().unwrap_or_default()
    }
}
