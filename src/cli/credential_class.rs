//! `devhub credential-class`: the dates of traditional service accounts.

mod file;
mod load;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Result;
use clap::{ArgGroup, Args, Subcommand};
use devhub_proto::v1;
use devhub_proto::v1::class_date::Value;
use serde::Serialize;

use super::catalogue::read::PAGE;
use super::connection::{Connection, Hub, new_request_id};
use super::date::{DateError, Moment, stated_zone};
use super::failure::explained;
use super::output::{Format, print_one, print_rows};
use super::pages::all_pages;
use super::view::credential_class::{ClassRevisionView, ClassScheduleView, ClassView};
use crate::wire::timestamp;

/// The requests that put the revisions of a file on record, oldest first.
///
/// # Errors
/// When its text cannot be understood.
pub fn announced(text: &str) -> Result<Vec<v1::ReviseCredentialClassRequest>> {
    Ok(file::parse(text, "the file of revisions")?.into_iter().map(|announced| announced.request).collect())
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum CredentialClass {
    /// Show until when accounts can be created, and until when they are accepted
    Show {
        /// As it was publicly known at this instant [default: now]
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<Moment>,
    },
    /// Announce other dates; later is free, earlier must be meant and needs notice, or an override reason
    Revise(Box<Revise>),
    /// Show which revision moved which date, which way and how far
    History,
    /// Put revisions on record that were announced before
    ///
    /// Repeating it is harmless: what is on record already is compared, and left as it is.
    Load {
        /// YAML file of revisions, oldest first
        file: PathBuf,
    },
}

/// A date, or that it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaybeMoment {
    /// At this instant.
    At(Moment),
    /// To be announced.
    ToBeAnnounced,
}

impl FromStr for MaybeMoment {
    type Err = DateError;

    fn from_str(text: &str) -> Result<MaybeMoment, DateError> {
        if text == "tba" { Ok(MaybeMoment::ToBeAnnounced) } else { text.parse().map(MaybeMoment::At) }
    }
}

impl MaybeMoment {
    /// The instant, if it is known.
    fn moment(&self) -> Option<&Moment> {
        match self {
            MaybeMoment::At(moment) => Some(moment),
            MaybeMoment::ToBeAnnounced => None,
        }
    }

    fn message(&self) -> v1::ClassDate {
        let value = match self {
            MaybeMoment::At(moment) => Value::Time(timestamp(moment.instant)),
            MaybeMoment::ToBeAnnounced => Value::ToBeAnnounced(true),
        };
        v1::ClassDate { value: Some(value) }
    }
}

/// Arguments of `devhub credential-class revise`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("new").required(true).multiple(true).args(["deprecate", "cutoff", "sunset", "sunset_now"]))]
pub struct Revise {
    /// First instant at which accounts are discouraged: RFC 3339, a date such as "2027-07-31 end-of-day Europe/London",
    /// or tba
    #[arg(long, value_name = "INSTANT")]
    deprecate: Option<MaybeMoment>,
    /// First instant at which none can be created, or tba
    #[arg(long, value_name = "INSTANT")]
    cutoff: Option<MaybeMoment>,
    /// First instant at which none is accepted, or tba
    #[arg(long, value_name = "INSTANT")]
    sunset: Option<MaybeMoment>,
    /// Accept none from this moment on; needs an override reason
    #[arg(long, conflicts_with_all = ["deprecate", "cutoff", "sunset"], requires = "override_reason")]
    sunset_now: bool,
    /// A date may come earlier than it was announced
    #[arg(long)]
    accept_earlier: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Why less notice than 30 days is acceptable
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    override_reason: String,
    /// When it was made public, if not now
    #[arg(long, value_name = "INSTANT")]
    announced: Option<Moment>,
    /// Zone of the announcement, for example Europe/London [default: the zone that the dates are given in]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only say whether it would be accepted
    #[arg(long)]
    dry_run: bool,
    /// The etag last read; refuse if somebody has changed the dates since
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
}

#[derive(Debug, Serialize)]
struct RevisedView {
    dry_run: bool,
    revision_number: u32,
    #[serde(flatten)]
    schedule: ClassScheduleView,
    warnings: Vec<String>,
}

impl CredentialClass {
    /// Shows, revises or loads.
    ///
    /// # Errors
    /// When the hub refuses or does not answer.
    pub async fn run(&self, connection: &Connection, output: Format) -> Result<ExitCode> {
        let hub = connection.hub().await?;
        match self {
            CredentialClass::Show { as_of } => {
                let as_of = as_of.as_ref().map(|moment| timestamp(moment.instant));
                let request = v1::GetCredentialClassRequest { as_of };
                let answer = hub.credential_class().get_credential_class(request).await.map_err(explained)?;
                let view = ClassView::from(answer.into_inner());
                print_one(output, &view, &view.fields())?;
            }
            CredentialClass::Revise(revise) => revise.run(&hub, output).await?,
            CredentialClass::History => {
                let all = revisions(&hub).await?;
                print_rows(output, &all.into_iter().map(ClassRevisionView::from).collect::<Vec<_>>())?;
            }
            CredentialClass::Load { file } => load::run(&hub, file, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Every revision of the dates, oldest first.
async fn revisions(hub: &Hub) -> Result<Vec<v1::ClassRevision>> {
    let request = v1::ListCredentialClassRevisionsRequest { page_size: PAGE, page_token: String::new() };
    Ok(all_pages!(hub.credential_class(), list_credential_class_revisions, revisions, request))
}

impl Revise {
    async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        let dates = [&self.deprecate, &self.cutoff, &self.sunset];
        let moments = dates.into_iter().flatten().filter_map(MaybeMoment::moment);
        let zone = self.zone.clone().or_else(|| stated_zone(moments));
        let request = v1::ReviseCredentialClassRequest {
            deprecate: self.deprecate.as_ref().map(MaybeMoment::message),
            creation_cutoff: self.cutoff.as_ref().map(MaybeMoment::message),
            sunset: self.sunset.as_ref().map(MaybeMoment::message),
            sunset_now: self.sunset_now,
            accept_earlier: self.accept_earlier,
            reason: self.reason.clone(),
            override_reason: self.override_reason.clone(),
            announce_time: self.announced.as_ref().map(|moment| timestamp(moment.instant)),
            zone: zone.unwrap_or_default(),
            validate_only: self.dry_run,
            etag: self.etag.clone(),
            request_id: new_request_id(),
        };
        let answer = hub.credential_class().revise_credential_class(request).await.map_err(explained)?.into_inner();
        let view = RevisedView {
            dry_run: self.dry_run,
            revision_number: answer.revision_number,
            schedule: ClassScheduleView::of(answer.schedule),
            warnings: answer.warnings,
        };
        let mut fields = vec![("revision", view.revision_number.to_string())];
        fields.extend(view.schedule.fields());
        fields.push(("warning", view.warnings.join("\n")));
        if self.dry_run {
            fields.push(("next", "this was a dry run: nothing was changed".to_owned()));
        }
        print_one(output, &view, &fields)
    }
}
