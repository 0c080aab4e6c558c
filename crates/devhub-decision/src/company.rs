//! Companies: whose data a call to a company-scoped version is about, and whether the caller may reach it.

/// The header by which calls name their company where the platform follows Procore. A gateway may call it otherwise:
/// it hands over the value, and this name only stands in sentences for people.
pub const COMPANY_HEADER: &str = "Procore-Company-Id";

/// How a caller stands to the company and the project that its call names. No date changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompanyAccess {
    /// The version is not company-scoped, so it does not matter what the call names.
    NotScoped,
    /// The caller may reach it: the application is installed there, or the service account is the company's own.
    Permitted,
    /// The call of an application names no company.
    Unnamed,
    /// The call of a service account names another company than its own.
    OtherCompany,
    /// The application is not installed in the company.
    NotInstalled,
    /// The application is installed in the company, but not for the project.
    ProjectNotPermitted,
}
