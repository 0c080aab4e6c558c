//! `devhub config`: the effective configuration, and where each value comes from.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::{Format, Row, print_rows};
use super::serve::Settings;
use crate::config::Shown;

/// Arguments of `devhub config`.
#[derive(Debug, Clone, Args)]
pub struct ShowConfig {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Serialize)]
struct SettingView {
    name: &'static str,
    value: Option<String>,
    origin: &'static str,
    place: String,
}

impl From<&Shown> for SettingView {
    fn from(shown: &Shown) -> SettingView {
        SettingView {
            name: shown.name,
            value: shown.value.clone(),
            origin: shown.origin.name(),
            place: shown.place.clone(),
        }
    }
}

impl Row for SettingView {
    const HEADER: &'static [&'static str] = &["SETTING", "VALUE", "FROM"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.to_owned(), self.value.clone().unwrap_or_default(), self.place.clone()]
    }
}

impl ShowConfig {
    /// Prints the settings, then says whether a hub could run with them.
    ///
    /// # Errors
    /// When the file cannot be read or a value is wrong.
    pub fn run(&self, output: Format) -> Result<ExitCode> {
        let resolved = self.settings.resolve()?;
        print_rows(output, &resolved.shown().iter().map(SettingView::from).collect::<Vec<_>>())?;
        resolved.config()?;
        Ok(ExitCode::SUCCESS)
    }
}
