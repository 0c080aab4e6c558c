//! Reads from the compiled protocol who may make each call, and refuses a protocol in which a call does not say it.

use std::fmt::Write as _;

/// The package whose calls must be labelled.
const PACKAGE: &str = "devhub.v1";

/// What is read of a descriptor set: the messages of descriptor.proto keep no options of others.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Files {
    #[prost(message, repeated, tag = "1")]
    pub file: Vec<File>,
}

/// A file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct File {
    #[prost(string, tag = "2")]
    pub package: String,
    #[prost(message, repeated, tag = "5")]
    pub enums: Vec<Enumeration>,
    #[prost(message, repeated, tag = "6")]
    pub service: Vec<Service>,
}

/// An enum.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Enumeration {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub value: Vec<Value>,
}

/// A value of an enum.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub number: i32,
}

/// A service.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Service {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub method: Vec<Method>,
}

/// A call.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Method {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "4")]
    pub options: Option<Options>,
    #[prost(bool, tag = "5")]
    pub client_streaming: bool,
    #[prost(bool, tag = "6")]
    pub server_streaming: bool,
}

/// The options of a call.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Options {
    #[prost(message, optional, tag = "50061")]
    pub access: Option<Access>,
}

/// devhub.v1.Access.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Access {
    #[prost(int32, repeated, tag = "1")]
    pub roles: Vec<i32>,
}

/// A call, and who may make it.
#[derive(Debug, PartialEq, Eq)]
pub struct Label {
    /// As it stands in a request: `/devhub.v1.ApiService/GetApi`.
    pub path: String,
    /// Names of the roles, as the generated code writes them.
    pub roles: Vec<String>,
    /// Whether more than one message goes one way or the other.
    pub streams: bool,
}

/// Who may make each call of the package, in order of path.
///
/// # Errors
/// A sentence that names every call which does not say it, or says it in a way that means nothing.
pub fn read(files: &Files) -> Result<Vec<Label>, String> {
    let ours = || files.file.iter().filter(|file| file.package == PACKAGE);
    let roles = ours().flat_map(|file| &file.enums).find(|known| known.name == "CallerRole");
    let roles = roles.ok_or_else(|| format!("{PACKAGE} has no enum CallerRole"))?;
    let name = |number: i32| {
        let found = roles.value.iter().find(|value| value.number == number && number != 0)?;
        Some(camel(found.name.strip_prefix("CALLER_ROLE_")?))
    };
    let (mut labels, mut wrong) = (Vec::new(), Vec::new());
    for service in ours().flat_map(|file| &file.service) {
        for method in &service.method {
            let path = format!("/{PACKAGE}.{}/{}", service.name, method.name);
            let streams = method.client_streaming || method.server_streaming;
            let access = method.options.as_ref().and_then(|options| options.access.as_ref());
            let mut numbers = access.map(|access| access.roles.clone()).unwrap_or_default();
            let given = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            let roles: Option<Vec<String>> = numbers.iter().map(|number| name(*number)).collect();
            match roles {
                Some(roles) if !roles.is_empty() && roles.len() == given => labels.push(Label { path, roles, streams }),
                _ => wrong.push(path),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(format!(
            "every call says who may make it, each role once: option (access); see {}",
            wrong.join(", ")
        ));
    }
    labels.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(labels)
}

/// The table as Rust writes it.
pub fn table(labels: &[Label]) -> String {
    let mut text = format!("pub static TABLE: [(&str, &[crate::v1::CallerRole]); {}] = [\n", labels.len());
    for label in labels {
        let roles: Vec<String> = label.roles.iter().map(|role| format!("crate::v1::CallerRole::{role}")).collect();
        let _ = writeln!(text, "    ({:?}, &[{}]),", label.path, roles.join(", "));
    }
    text.push_str("];\n\n");
    let streams: Vec<&str> = labels.iter().filter(|label| label.streams).map(|label| &*label.path).collect();
    let _ = writeln!(text, "/// Calls of which more than one message goes one way or the other, in order of path.");
    let _ = writeln!(text, "pub static STREAMS: [&str; {}] = {streams:?};", streams.len());
    text
}

/// `COMPANY_ADMINISTRATOR` as `CompanyAdministrator`.
fn camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect()
}
