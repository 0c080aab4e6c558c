//! `devhub migration funnel`.

use anyhow::Result;
use clap::Args;

use super::{When, Which, funnel_of};
use crate::cli::connection::Hub;
use crate::cli::output::{Format, field_lines, print_machine, print_text, table};
use crate::cli::view::migration::FunnelView;

/// Arguments of `devhub migration funnel`.
#[derive(Debug, Clone, Args)]
pub struct Funnel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    when: When,
}

impl Funnel {
    pub(super) async fn run(&self, hub: &Hub, output: Format) -> Result<()> {
        let answer = funnel_of(hub, &self.which, &self.when).await?;
        let supposed = self.when.supposed_sunset.as_ref().map(|moment| moment.instant);
        let view = FunnelView::new(answer, supposed);
        match output {
            Format::Table => print_text(&(table(view.phases()) + &field_lines(&view.fields()))),
            Format::Json | Format::Yaml => print_machine(output, &view),
        }
    }
}
