//! Installations: in which companies an application is installed, and for which of their projects.
//!
//! There may be millions of one application, so each takes a few bytes in a tree of its client id: short company ids
//! stand in the tree itself, and a tree never stops its readers to grow all at once, as a map would.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::company::CompanyAccess;

/// One installation, by client id and company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallationEntry {
    /// Whose it is.
    pub client_id: Box<str>,
    /// In which company.
    pub company_id: Box<str>,
    /// It holds; `false` removes it.
    pub installed: bool,
    /// The projects of the company that it is for; none stands for every project.
    pub projects: Option<Box<[Box<str>]>>,
}

/// Longest company id that takes no allocation of its own.
const SHORT_BYTES_MAX: usize = 14;

/// The id of a company in 16 bytes, if it is as short as most are.
enum CompanyId {
    Short { bytes: u8, text: [u8; SHORT_BYTES_MAX] },
    Long(Box<Box<str>>),
}

impl CompanyId {
    fn new(id: &str) -> Self {
        match u8::try_from(id.len()) {
            Ok(bytes) if id.len() <= SHORT_BYTES_MAX => {
                let mut text = [0; SHORT_BYTES_MAX];
                text[..id.len()].copy_from_slice(id.as_bytes());
                Self::Short { bytes, text }
            }
            Ok(_) | Err(_) => Self::Long(Box::new(id.into())),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { bytes, text } => &text[..usize::from(*bytes)],
            Self::Long(id) => id.as_bytes(),
        }
    }
}

// Looked up by the bytes of an id, so the order is theirs.
impl Borrow<[u8]> for CompanyId {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Ord for CompanyId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for CompanyId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for CompanyId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for CompanyId {}

/// Ids of projects, sorted, in one text with the position where each ends.
struct Projects {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Projects {
    fn new(mut ids: Vec<Box<str>>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        let ends = ids.iter().scan(0, |end, id| {
            *end += id.len();
            Some(u32::try_from(*end).expect("the edge bounds lists of projects far below 4 GiB"))
        });
        Self { ends: ends.collect(), text: ids.concat().into_boxed_str() }
    }

    fn id(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[index] as usize]
    }

    fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.id(index))
    }

    fn contain(&self, project: &str) -> bool {
        let (mut first, mut after) = (0, self.ends.len());
        while first < after {
            let middle = first.midpoint(after);
            match self.id(middle).cmp(project) {
                Ordering::Less => first = middle + 1,
                Ordering::Equal => return true,
                Ordering::Greater => after = middle,
            }
        }
        false
    }
}

impl fmt::Debug for Projects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// The installations of one client id.
pub(crate) struct ClientInstallations {
    client_id: Box<str>,
    /// None stands for every project of the company.
    companies: BTreeMap<CompanyId, Option<Box<Projects>>>,
}

impl ClientInstallations {
    /// Those of a client id that has none yet.
    pub(crate) fn new(client_id: &str) -> Self {
        Self { client_id: client_id.into(), companies: BTreeMap::new() }
    }

    /// The client id.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// There is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.companies.is_empty()
    }

    /// Sets the installation in a company; says whether it is new.
    pub(crate) fn set(&mut self, company_id: &str, projects: Option<Box<[Box<str>]>>) -> bool {
        let projects = projects.map(|ids| Box::new(Projects::new(ids.into_vec())));
        self.companies.insert(CompanyId::new(company_id), projects).is_none()
    }

    /// Removes the installation in a company; says whether it was there.
    pub(crate) fn remove(&mut self, company_id: &str) -> bool {
        self.companies.remove(company_id.as_bytes()).is_some()
    }

    /// How the client stands to a company, and to a project of it if one is named.
    pub(crate) fn access(&self, company_id: &str, project: Option<&str>) -> CompanyAccess {
        match (self.companies.get(company_id.as_bytes()), project) {
            (None, _) => CompanyAccess::NotInstalled,
            (Some(Some(permitted)), Some(project)) if !permitted.contain(project) => CompanyAccess::ProjectNotPermitted,
            (Some(_), _) => CompanyAccess::Permitted,
        }
    }

    /// The projects of the installation in a company, in order; the outer nothing where there is no installation, the
    /// inner one where it is for every project.
    pub(crate) fn projects(&self, company_id: &str) -> Option<Option<impl ExactSizeIterator<Item = &str>>> {
        self.companies.get(company_id.as_bytes()).map(|projects| projects.as_deref().map(Projects::ids))
    }

    /// Each installation as it is told.
    pub(crate) fn entries(&self) -> impl Iterator<Item = InstallationEntry> {
        self.companies.iter().map(|(company, projects)| InstallationEntry {
            client_id: self.client_id.clone(),
            company_id: String::from_utf8_lossy(company.as_bytes()).into(),
            installed: true,
            projects: projects.as_deref().map(|projects| projects.ids().map(Box::from).collect()),
        })
    }

    /// Each installation as a line for people and comparisons.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.companies.iter().map(|(company, projects)| {
            let company = String::from_utf8_lossy(company.as_bytes());
            format!("installation {:?} {company:?} {projects:?}", self.client_id)
        })
    }
}
