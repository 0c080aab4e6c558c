//! What an announcement says, as options of the command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use devhub_proto::v1;

use crate::cli::date::Moment;
use crate::cli::words::{Audience, Category, Environment};
use crate::wire::timestamp;

/// What an announcement says; what is not given stays as it is.
#[derive(Debug, Clone, Args)]
pub(super) struct ContentArgs {
    /// What it is about
    #[arg(long, value_enum)]
    category: Option<Category>,
    /// The title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The text
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// A file with the text
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Users must change something
    #[arg(long)]
    breaking: bool,
    /// When it takes effect
    #[arg(long, value_name = "INSTANT")]
    effective: Option<Moment>,
    /// The first instant after the effect
    #[arg(long, value_name = "INSTANT")]
    until: Option<Moment>,
    /// The words in which the dates were stated
    #[arg(long, value_name = "TEXT")]
    stated: Option<String>,
    /// Who is addressed [default: everybody, or subscribers with --to]
    #[arg(long, value_enum)]
    audience: Option<Audience>,
    /// Whose subscribers get a notice: CONTEXT or CONTEXT@VERSION; may be repeated
    #[arg(long = "to", value_name = "CONTEXT[@VERSION]", requires = "environment")]
    to: Vec<String>,
    /// What it refers to: CONTEXT@VERSION, or a namespace as CONTEXT/; may be repeated
    #[arg(long = "about", value_name = "CONTEXT@VERSION", requires = "environment")]
    about: Vec<String>,
    /// The environment of --to and --about
    #[arg(long, value_enum)]
    environment: Option<Environment>,
}

impl ContentArgs {
    /// The content over what is there, or over nothing.
    pub(super) fn over(&self, known: Option<v1::AnnouncementContent>) -> Result<v1::AnnouncementContent> {
        let mut content = known.unwrap_or_default();
        let environment: i32 = self.environment.map(|environment| environment.wire().into()).unwrap_or_default();
        if let Some(category) = self.category {
            content.category = category.wire().into();
        }
        content.breaking |= self.breaking;
        if let Some(title) = &self.title {
            content.title.clone_from(title);
        }
        if let Some(body) = &self.body {
            content.body.clone_from(body);
        }
        if let Some(file) = &self.body_file {
            content.body = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        }
        let mut effect = content.effect.unwrap_or_default();
        for (moment, slot) in [(&self.effective, &mut effect.start_time), (&self.until, &mut effect.end_time)] {
            if let Some(moment) = moment {
                *slot = Some(timestamp(moment.instant));
                if let Some(stated) = &moment.stated {
                    effect.zone = stated.zone.name().to_owned();
                }
            }
        }
        if let Some(stated) = &self.stated {
            effect.stated.clone_from(stated);
        }
        content.effect = Some(effect);
        if !self.to.is_empty() || self.audience.is_some() || content.audience.is_none() {
            content.audience = Some(self.audience(environment)?);
        }
        if !self.about.is_empty() {
            content.references = self.about.iter().map(|text| target(text, environment)).collect::<Result<_>>()?;
        }
        Ok(content)
    }

    fn audience(&self, environment: i32) -> Result<v1::AnnouncementAudience> {
        let kind = match (self.audience, self.to.is_empty()) {
            (Some(Audience::Everybody | Audience::Operators), false) => {
                bail!("--to is for subscribers; leave --audience out, or write --audience subscribers")
            }
            (Some(Audience::Subscribers), true) => {
                bail!("say whose subscribers, with --to CONTEXT or --to CONTEXT@VERSION, and --environment")
            }
            (Some(audience), _) => audience,
            (None, false) => Audience::Subscribers,
            (None, true) => Audience::Everybody,
        };
        let scope = |text: &String| match text.split_once('@') {
            Some((context, version)) => {
                v1::AnnouncementScope { context: context.to_owned(), version: version.to_owned() }
            }
            None => v1::AnnouncementScope { context: text.clone(), version: String::new() },
        };
        Ok(v1::AnnouncementAudience {
            kind: kind.wire().into(),
            environment: if self.to.is_empty() { 0 } else { environment },
            scopes: self.to.iter().map(scope).collect(),
        })
    }
}

fn target(text: &str, environment: i32) -> Result<v1::ScheduleTarget> {
    use v1::schedule_target::Target;
    let target = match (text.split_once('@'), text.strip_suffix('/')) {
        (Some((context, version)), _) => {
            Target::Version(v1::VersionName { context: context.to_owned(), version: version.to_owned() })
        }
        (None, Some(namespace)) => Target::Namespace(namespace.to_owned()),
        (None, None) => bail!("--about {text:?} names nothing; write CONTEXT@VERSION, or a namespace as CONTEXT/"),
    };
    ensure!(environment != 0, "--about needs --environment");
    Ok(v1::ScheduleTarget { environment, target: Some(target) })
}
