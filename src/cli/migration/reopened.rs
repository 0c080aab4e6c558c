//! `devhub migration reopened`.

use anyhow::Result;
use devhub_proto::v1;

use crate::cli::catalogue::read::PAGE;
use crate::cli::connection::Hub;
use crate::cli::failure::explained;
use crate::cli::output::{Format, print_machine, print_text, table};
use crate::cli::view::migration::ReopenedView;

/// Asks and prints.
pub(super) async fn run(hub: &Hub, output: Format) -> Result<()> {
    let mut request = v1::ListReopenedAccountsRequest { page_size: PAGE, page_token: String::new() };
    let mut accounts = Vec::new();
    let windows = loop {
        let page = hub.migrations().list_reopened_accounts(request.clone()).await.map_err(explained)?.into_inner();
        accounts.extend(page.accounts);
        if page.next_page_token.is_empty() {
            break page.windows;
        }
        request.page_token = page.next_page_token;
    };
    let view = ReopenedView::new(windows, accounts);
    match output {
        Format::Table if view.windows().is_empty() => print_text("creation was never open again\n"),
        Format::Table if view.accounts().is_empty() => {
            print_text(&(table(view.windows()) + "no account was created in these times\n"))
        }
        Format::Table => print_text(&(table(view.windows()) + &table(view.accounts()))),
        Format::Json | Format::Yaml => print_machine(output, &view),
    }
}
