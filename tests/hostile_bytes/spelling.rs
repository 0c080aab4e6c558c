//! Characters that split lines or make text read as another: no text of any call takes them, so that none of them comes to
//! a header, a log line or a screen.

use std::collections::BTreeMap;
use std::path::Path;

use devhub_proto::v1;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};
use tonic::{Code, Status};

use crate::raw::{ask, violations};
use crate::target::{Target, api, application, subscription, version};

/// What stands in all texts here, so that it is found wherever one of them lies.
const MARK: &str = "zq";

/// How deep texts are looked for.
const NESTED_MAX: usize = 5;

/// Texts with one odd character, or two.
const ODD: [(&str, &str); 6] = [
    ("a line break of two", "zq\r\nzq: zq"),
    ("the end of a text", "zq\0zq"),
    ("a change of colour", "zq\u{1B}[31mzq"),
    ("text from right to left", "zq\u{202E}zq"),
    ("nothing to be seen", "zq\u{200B}zq"),
    ("a separator of lines", "zq\u{2028}zq"),
];

/// A text in a message: the names on the way to it, and their numbers.
#[derive(Debug, Clone, Default)]
struct Place {
    names: Vec<String>,
    numbers: Vec<u32>,
}

impl Place {
    fn below(&self, name: &str, number: i32) -> Place {
        let mut below = self.clone();
        below.names.push(name.to_owned());
        below.numbers.push(number.try_into().unwrap());
        below
    }

    /// A message with this text, and with nothing else but what makes sense of it. Behind another message it changes this
    /// and nothing else.
    fn with(&self, text: &str) -> Vec<u8> {
        let mut beside = self.beside();
        self.numbers.iter().rev().fold(text.as_bytes().to_vec(), |inner, number| {
            let mut outer = Vec::new();
            prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut outer);
            prost::encoding::encode_varint(inner.len() as u64, &mut outer);
            outer.extend(inner);
            outer.append(&mut beside);
            outer
        })
    }

    /// What the message that has this text has to have besides.
    fn beside(&self) -> Vec<u8> {
        let above = self.names.iter().rev().nth(1).map_or("", String::as_str);
        match (above, self.names.last().map_or("", String::as_str)) {
            ("fields", "pattern" | "description" | "default_value") => {
                v1::FieldDefinition { name: "callback".into(), ..Default::default() }.encode_to_vec()
            }
            ("endpoints", "path") => {
                let (method, auth_type) = ("GET".into(), v1::AuthType::User.into());
                v1::Endpoint { method, auth_type, ..Default::default() }.encode_to_vec()
            }
            ("endpoints", "method") => {
                let (path, auth_type) = ("/".into(), v1::AuthType::User.into());
                v1::Endpoint { path, auth_type, ..Default::default() }.encode_to_vec()
            }
            _ => Vec::new(),
        }
    }
}

/// The messages of the contract.
struct Contract {
    messages: BTreeMap<String, DescriptorProto>,
    /// Calls, and what they ask with.
    calls: Vec<(String, String)>,
}

impl Contract {
    fn new() -> Contract {
        let set = FileDescriptorSet::decode(v1::DESCRIPTORS).unwrap();
        let (mut messages, mut calls) = (BTreeMap::new(), Vec::new());
        for file in set.file.iter().filter(|file| file.package() == "devhub.v1") {
            let mut found: Vec<(String, DescriptorProto)> =
                file.message_type.iter().map(|message| (".devhub.v1".to_owned(), message.clone())).collect();
            while let Some((above, message)) = found.pop() {
                let name = format!("{above}.{}", message.name());
                found.extend(message.nested_type.iter().map(|nested| (name.clone(), nested.clone())));
                messages.insert(name, message);
            }
            for service in &file.service {
                let answered = service.method.iter().filter(|method| !method.server_streaming());
                calls.extend(answered.map(|m| (format!("{}/{}", service.name(), m.name()), m.input_type().to_owned())));
            }
        }
        Contract { messages, calls }
    }

    /// All texts of a message.
    fn places(&self, message: &str) -> Vec<Place> {
        let mut places = Vec::new();
        self.walk(message, &Place::default(), &mut places);
        places
    }

    fn walk(&self, message: &str, above: &Place, places: &mut Vec<Place>) {
        let Some(descriptor) = self.messages.get(message) else { return };
        for field in &descriptor.field {
            let place = above.below(field.name(), field.number());
            if field.r#type() == Type::String {
                places.push(place);
            } else if field.r#type() == Type::Message && place.names.len() < NESTED_MAX {
                self.walk(field.type_name(), &place, places);
            }
        }
    }
}

/// Whether bytes lie in any file below a directory.
fn lies_in(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().map(Result::unwrap).any(|entry| {
        if entry.file_type().unwrap().is_dir() {
            return lies_in(&entry.path(), bytes);
        }
        let content = std::fs::read(entry.path()).unwrap();
        content.windows(bytes.len()).any(|part| part == bytes)
    })
}

/// A request that would be granted, for calls that make or change something; of others nothing but the text.
fn granted(call: &str) -> Vec<u8> {
    let reason = || "because".to_owned();
    match call {
        "ApiService/CreateApi" => api("another").encode_to_vec(),
        "ApiService/CreateApiVersion" => version("2.0").encode_to_vec(),
        "ApiService/UpdateApi" => {
            v1::UpdateApiRequest { context: "individuals/losses".into(), ..Default::default() }.encode_to_vec()
        }
        "ApiService/UpdateApiVersion" => v1::UpdateApiVersionRequest {
            context: "individuals/losses".into(),
            version: "1.0".into(),
            ..Default::default()
        }
        .encode_to_vec(),
        "ApplicationService/CreateApplication" => application("another").encode_to_vec(),
        "ApplicationService/UpdateApplication" => {
            v1::UpdateApplicationRequest { application_id: "app".into(), ..Default::default() }.encode_to_vec()
        }
        "ApplicationService/BlockApplication" => {
            v1::BlockApplicationRequest { application_id: "app".into(), reason: reason(), ..Default::default() }
                .encode_to_vec()
        }
        "CredentialService/CreateClientSecret" => {
            v1::CreateClientSecretRequest { application_id: "app".into(), name: "Laptop".into(), ..Default::default() }
                .encode_to_vec()
        }
        "SubscriptionService/Subscribe" => subscription("other").encode_to_vec(),
        "CompanyService/CreateCompany" => {
            let company = v1::Company {
                company_id: "acme".into(),
                name: "Acme".into(),
                tenancy: v1::Tenancy::Production.into(),
                administrators: vec!["carol@example.com".into()],
                ..Default::default()
            };
            v1::CreateCompanyRequest { company: Some(company), ..Default::default() }.encode_to_vec()
        }
        "OrganisationService/SetOrganisation" => v1::SetOrganisationRequest {
            organisation_id: "Ledgerly Ltd".into(),
            status: v1::OrganisationStatus::VerifiedPartner.into(),
            reason: reason(),
            ..Default::default()
        }
        .encode_to_vec(),
        "GatewayFleetService/DisconnectGateway" => {
            v1::DisconnectGatewayRequest { gateway_id: "edge-1".into(), reason: reason(), ..Default::default() }
                .encode_to_vec()
        }
        _ => Vec::new(),
    }
}

/// Parts of a thing that only answers tell: whoever writes them changes nothing.
const TOLD: [&str; 7] = [
    "default_versions",
    "deletion_restriction",
    "ended_by_namespace",
    "etag",
    "extension",
    "stage_title",
    "uplifted_from",
];

#[tokio::test]
async fn no_text_of_any_call_takes_a_character_that_hides_or_splits() {
    let mut target = Target::start().await;
    target.does("ApplicationService/CreateApplication", application("other").encode_to_vec()).await;
    let contract = Contract::new();
    let (mut asked, mut named) = (0, 0);
    for (call, message) in &contract.calls {
        let base = granted(call);
        for place in contract.places(message) {
            for (what, text) in ODD {
                let here = format!("{call} {}, {what}", place.names.join("."));
                let result = ask(&target.channel, call, [base.clone(), place.with(text)].concat()).await;
                let code = result.as_ref().err().map(Status::code);
                assert!(!matches!(code, Some(Code::Internal | Code::Unknown)), "{here}: {result:?}");
                // A key of a map is told of by the map.
                let last = place.names.iter().rfind(|name| **name != "key").unwrap();
                let is_named = result
                    .as_ref()
                    .is_err_and(|status| violations(status).iter().any(|field| field.contains(last.as_str())));
                (asked, named) = (asked + 1, named + usize::from(is_named));
                let is_told = place.names.iter().any(|name| TOLD.contains(&&**name));
                // What would be granted otherwise is refused because of this text, by its name.
                assert!(base.is_empty() || is_told || is_named, "{here}: {result:?}");
            }
        }
    }
    println!("{named} of {asked} texts are refused by their names");
    assert!(asked > 3_000 && named > asked / 2, "{named} of {asked}");
    // A plain one with the same mark is kept, and found: so the others would be.
    let mut plain = application("plain");
    plain.application.as_mut().unwrap().description = format!("{MARK} plain");
    target.does("ApplicationService/CreateApplication", plain.encode_to_vec()).await;
    let log = target.end();
    assert!(lies_in(target.data(), format!("{MARK} plain").as_bytes()));
    for (what, text) in ODD {
        assert!(!lies_in(target.data(), text.as_bytes()), "{what} is kept");
        assert!(!log.iter().any(|line| line.contains(text)), "{what} is logged");
    }
}

#[tokio::test]
async fn every_line_of_the_log_is_one_object_whatever_callers_write() {
    let mut target = Target::start().await;
    let reasons = [
        "two\nlines",
        "a \"quote\", a \\ and a {brace}",
        "{\"level\":\"ERROR\"}\n{\"level\":\"ERROR\"}",
        "composed \u{e9}, decomposed e\u{301}, \u{430} that looks like a",
        "%00%0a ${jndi:ldap://x} \u{1F4A5}",
    ];
    let channel = target.channel.clone();
    let disconnect = async |reason: &str| {
        let message =
            v1::DisconnectGatewayRequest { gateway_id: "edge-1".into(), reason: reason.into(), ..Default::default() };
        ask(&channel, "GatewayFleetService/DisconnectGateway", message.encode_to_vec()).await
    };
    for reason in reasons {
        disconnect(reason).await.unwrap();
    }
    for (_, odd) in ODD {
        assert_eq!(violations(&disconnect(odd).await.unwrap_err()), ["reason"]);
    }
    let lines = target.end();
    let objects: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let told: Vec<&str> = objects
        .iter()
        .map(|object| &object["fields"])
        .filter(|fields| fields["message"] == "a gateway was disconnected")
        .map(|fields| fields["reason"].as_str().unwrap())
        .collect();
    assert_eq!(told, reasons);
    assert!(objects.iter().all(serde_json::Value::is_object));
}
