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
    /// The application has an identity of its own there, and nobody has recorded yet that it was used.
    pub awaits_use: bool,
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

/// What sets an installation apart from most, which are for every project and were used long ago: those take no memory
/// for it.
struct Particulars {
    /// None stands for every project of the company.
    projects: Option<Projects>,
    awaits_use: bool,
}

/// How a client stands to a company that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompanyStanding {
    /// Whether it may reach it.
    pub(crate) access: CompanyAccess,
    /// Nobody has recorded yet that its installation there was used.
    pub(crate) awaits_use: bool,
}

impl From<CompanyAccess> for CompanyStanding {
    fn from(access: CompanyAccess) -> Self {
        Self { access, awaits_use: false }
    }
}

/// The installations of one client id.
pub(crate) struct ClientInstallations {
    client_id: Box<str>,
    companies: BTreeMap<CompanyId, Option<Box<Particulars>>>,
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
    pub(crate) fn set(&mut self, company_id: &str, projects: Option<Box<[Box<str>]>>, awaits_use: bool) -> bool {
        let projects = projects.map(|ids| Projects::new(ids.into_vec()));
        let apart = projects.is_some() || awaits_use;
        let particulars = apart.then(|| Box::new(Particulars { projects, awaits_use }));
        self.companies.insert(CompanyId::new(company_id), particulars).is_none()
    }

    /// Removes the installation in a company; says whether it was there.
    pub(crate) fn remove(&mut self, company_id: &str) -> bool {
        self.companies.remove(company_id.as_bytes()).is_some()
    }

    /// How the client stands to a company, and to a project of it if one is named.
    pub(crate) fn standing(&self, company_id: &str, project: Option<&str>) -> CompanyStanding {
        let Some(installation) = self.companies.get(company_id.as_bytes()) else {
            return CompanyAccess::NotInstalled.into();
        };
        let Some(particulars) = installation else {
            return CompanyAccess::Permitted.into();
        };
        let access = match (&particulars.projects, project) {
            (Some(permitted), Some(project)) if !permitted.contain(project) => CompanyAccess::ProjectNotPermitted,
            (Some(_) | None, _) => CompanyAccess::Permitted,
        };
        CompanyStanding { access, awaits_use: particulars.awaits_use }
    }

    /// The projects of the installation in a company, in order, none where it is for every project; and whether its first
    /// use is awaited. Nothing where there is no installation.
    pub(crate) fn told(&self, company_id: &str) -> Option<(Option<impl ExactSizeIterator<Item = &str>>, bool)> {
        let particulars = self.companies.get(company_id.as_bytes())?.as_deref();
        let projects = particulars.and_then(|particulars| particulars.projects.as_ref());
        Some((projects.map(Projects::ids), particulars.is_some_and(|particulars| particulars.awaits_use)))
    }

    /// Each installation as it is told.
    pub(crate) fn entries(&self) -> impl Iterator<Item = InstallationEntry> {
        self.companies.iter().map(|(company, particulars)| {
            let projects = particulars.as_ref().and_then(|particulars| particulars.projects.as_ref());
            InstallationEntry {
                client_id: self.client_id.clone(),
                company_id: String::from_utf8_lossy(company.as_bytes()).into(),
                installed: true,
                projects: projects.map(|projects| projects.ids().map(Box::from).collect()),
                awaits_use: particulars.as_ref().is_some_and(|particulars| particulars.awaits_use),
            }
        })
    }

    /// Each installation as a line for people and comparisons.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.companies.iter().map(|(company, particulars)| {
            let company = String::from_utf8_lossy(company.as_bytes());
            let projects = particulars.as_ref().and_then(|particulars| particulars.projects.as_ref());
            let awaits_use = particulars.as_ref().is_some_and(|particulars| particulars.awaits_use);
            let use_text = if awaits_use { " awaits its first use" } else { "" };
            format!("installation {:?} {company:?} {projects:?}{use_text}", self.client_id)
        })
    }
}
