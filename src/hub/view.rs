//! What a caller gets to see of a hub: reading through a scope.
//!
//! A record outside the scope is not found, and a list does not hold it; where an index knows whose records are, others are
//! not even read. What a hub works out from records is not filtered: a view derefs to its hub, and whoever calls a method
//! that is not of the view says whose it is asking about.

use std::ops::Deref;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Failure, Hub, Page, Stored};
use crate::domain::Scope;
use crate::domain::name::{ApplicationId, CompanyId, Email};
use crate::domain::record::RecordKey;
use crate::domain::scope::Standing;
use crate::store::codec::Kind;

/// Applications of a person that are looked up together.
const STEP: usize = 64;

/// Most applications of a person that one call of a list looks at.
const APPLICATIONS_MAX: usize = 2000;

/// A hub as a caller gets to see it.
#[derive(Clone)]
pub struct View {
    hub: Hub,
    scope: Scope,
}

impl Deref for View {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl Standing for Hub {
    fn works_on(&self, email: &Email, application: &ApplicationId) -> bool {
        self.index().works_on(email, application)
    }

    fn administers(&self, email: &Email, company: &CompanyId) -> bool {
        self.roster().administers(email, company)
    }
}

/// Where a list over the applications of a person goes on: in the records of an application, or after it.
fn place(application: &ApplicationId, within: Option<&[u8]>) -> Bytes {
    let id = application.as_str().as_bytes();
    let mut place = BytesMut::new();
    place.put_u16(u16::try_from(id.len()).unwrap_or(u16::MAX));
    place.extend_from_slice(id);
    place.extend_from_slice(within.unwrap_or_default());
    place.freeze()
}

fn parse_place(place: &[u8]) -> Option<(ApplicationId, Option<Bytes>)> {
    let (length, rest) = place.split_at_checked(2)?;
    let (id, within) = rest.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))?;
    let id = std::str::from_utf8(id).ok()?.parse().ok()?;
    Some((id, (!within.is_empty()).then(|| Bytes::copy_from_slice(within))))
}

impl Hub {
    /// This hub through `scope`.
    pub fn view(&self, scope: Scope) -> View {
        View { hub: self.clone(), scope }
    }
}

impl View {
    /// Which records are seen.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether all that belongs to an application is seen.
    pub fn works_on(&self, application: &ApplicationId) -> bool {
        self.scope.works_on(application, &self.hub)
    }

    /// Whether all that belongs to a company is seen.
    pub fn administers(&self, company: &CompanyId) -> bool {
        self.scope.administers(company, &self.hub)
    }

    fn sees(&self, stored: &Stored) -> bool {
        self.scope.sees(&stored.record, &self.hub)
    }

    /// As [`Hub::get`].
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn get(&self, keys: &[RecordKey]) -> Result<Vec<Option<Stored>>, Failure> {
        let found = self.hub.get(keys)?;
        Ok(found.into_iter().map(|found| found.filter(|stored| self.sees(stored))).collect())
    }

    /// As [`Hub::get_one`].
    ///
    /// # Errors
    /// As [`Hub::get`].
    pub fn get_one(&self, key: RecordKey) -> Result<Option<Stored>, Failure> {
        Ok(self.hub.get_one(key)?.filter(|stored| self.sees(stored)))
    }

    /// As [`Hub::list`].
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn list<T>(
        &self,
        prefix: &[u8],
        after: Option<Bytes>,
        size: usize,
        mut render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        self.hub.list(prefix, after, size, |stored| if self.sees(&stored) { render(stored) } else { Ok(None) })
    }

    /// As [`Hub::list_by_application`].
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn list_by_application<T>(
        &self,
        after: Option<Bytes>,
        size: usize,
        ids: impl Fn(Option<&str>, usize) -> Vec<ApplicationId>,
        key: impl Fn(ApplicationId) -> RecordKey,
        mut render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let render = |stored| if self.sees(&stored) { render(stored) } else { Ok(None) };
        self.hub.list_by_application(after, size, ids, key, render)
    }

    /// A page of the records of a kind that belong to one application, or to any that is seen: whoever sees those of some
    /// applications only has them found by these, and nothing of others is read or counted.
    ///
    /// # Errors
    /// As [`Hub::list`].
    pub fn list_of<T>(
        &self,
        kind: Kind,
        application: Option<&ApplicationId>,
        after: Option<Bytes>,
        size: usize,
        render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let nothing = Page { items: Vec::new(), next: None };
        match (&self.scope, application) {
            (Scope::Everything, application) => self.hub.list(&Hub::prefix(kind, application), after, size, render),
            (_, Some(application)) if self.works_on(application) => {
                self.hub.list(&Hub::prefix(kind, Some(application)), after, size, render)
            }
            (Scope::Person(email), None) => self.list_of_person(email, kind, after, size, render),
            (Scope::Person(_) | Scope::Public | Scope::Company { .. } | Scope::Apis(_), _) => Ok(nothing),
        }
    }

    fn list_of_person<T>(
        &self,
        email: &Email,
        kind: Kind,
        after: Option<Bytes>,
        size: usize,
        mut render: impl FnMut(Stored) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let mut items = Vec::new();
        let mut looked_at = 0;
        let begun = after.as_deref().and_then(parse_place);
        let mut last = begun.as_ref().map(|(id, _)| id.clone());
        // The application that the page before ended in may have more.
        let mut within = begun.and_then(|(_, within)| within);
        let mut here: Vec<ApplicationId> = within.iter().filter_map(|_| last.clone()).collect();
        loop {
            for id in here {
                // Who was removed meanwhile goes on with the next one.
                if self.works_on(&id) {
                    let left = size - items.len();
                    let page = self.hub.list(&Hub::prefix(kind, Some(&id)), within.take(), left, &mut render)?;
                    items.extend(page.items);
                    if let Some(next) = page.next {
                        return Ok(Page { items, next: Some(place(&id, Some(&next))) });
                    }
                }
                looked_at += 1;
                if items.len() == size || looked_at == APPLICATIONS_MAX {
                    return Ok(Page { items, next: Some(place(&id, None)) });
                }
                last = Some(id);
            }
            here = self.hub.index().worked_on_by(email, last.as_ref().map(ApplicationId::as_str), STEP);
            if here.is_empty() {
                return Ok(Page { items, next: None });
            }
        }
    }
}
