//! The command line: one file per subcommand. It knows the contract, not the house behind it: what it asks, any client
//! could ask. Only `serve`, `demo`, `backup`, `restore`, `doctor`, `pepper` and most of `audit` work on this machine's
//! data.
//!
//! Exit codes: 0 done (and: allowed, nothing to change), 1 error (and: a plan is blocked, a preview has refusals), 2 a
//! plan has changes, 3 a checked call is denied, 4 some rows of an import or applications of a move were refused, 64 the
//! command line itself is wrong.

pub mod access;
pub mod agent;
pub mod allowlist;
pub mod announce;
pub mod app_version;
pub mod apply;
pub mod audit;
pub mod backup;
pub mod break_glass;
pub mod brownout;
pub mod calendar;
pub mod catalogue;
pub mod changelog;
pub mod chart;
pub mod check;
pub mod company;
pub mod completions;
pub mod configuration;
pub mod connection;
pub mod credential_class;
pub mod date;
pub mod demo;
pub mod deprecate;
pub mod descriptors;
pub mod doctor;
pub mod exempt;
pub mod explain;
pub mod export;
pub mod failure;
pub mod gateways;
pub mod get;
pub mod hint;
pub mod import;
pub mod install;
pub mod key;
pub mod lifecycle;
pub mod list;
pub mod listing;
pub mod maintenance;
pub mod migration;
pub mod moves;
pub mod notices;
pub mod organisation;
pub mod output;
mod pages;
pub mod pepper;
pub mod plan;
pub mod project;
pub mod promote;
pub mod proposal;
pub mod question;
pub mod register;
pub mod reinstate;
pub mod restore;
pub mod retire;
pub mod revise;
pub mod schedule;
pub mod secret;
pub mod serve;
pub mod service_account;
pub mod sheet;
pub mod subscribe;
pub mod unused;
pub mod uplift;
pub mod usage;
pub mod verdicts;
pub mod view;
pub mod waive;
pub mod watch;
pub mod withdraw;
pub mod words;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use connection::Connection;
use output::Format;

/// The command line itself is wrong (EX_USAGE); not 2, which says that a plan has changes.
const EXIT_USAGE: u8 = 64;

/// Heading of the options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// The backend of a developer hub: API lifecycles, subscriptions and gateway decisions.
///
/// Exit codes: 0 done, allowed, or nothing to change; 1 error, or a plan is blocked, or a preview has refusals; 2 a plan
/// has changes; 3 a checked call is denied; 4 some rows of an import, or applications of a move, were refused; 64 the
/// command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "devhub", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,
    /// How results are printed: table, json or yaml
    #[arg(short, long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", hide_possible_values = true)]
    #[arg(global = true, help_heading = EVERYWHERE)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a hub
    Serve(serve::Serve),
    /// Run an agent: decide beside a gateway, from a copy of a hub's decision table
    Agent(agent::Agent),
    /// Run a hub with example data in a temporary directory
    Demo(demo::Demo),
    /// Show the configuration that `serve` would use, and where each value comes from
    Config(configuration::ShowConfig),
    /// Show what a catalogue would change, and what stands in its way
    ///
    /// Exits 0 when there is nothing to do, 2 when there are changes, 1 when something blocks.
    Plan(plan::PlanArgs),
    /// Make the hub say what a catalogue says
    ///
    /// The plan is made anew. With --fingerprint it is carried out only if it still is the one that was reviewed. While
    /// anything blocks, nothing is done.
    Apply(apply::Apply),
    /// Write the hub's APIs as a catalogue
    Export(export::Export),
    /// Bring subscriptions, companies or service accounts from another system
    ///
    /// A dry run unless --apply is given. Exits 0 when every row is (or would be) in the hub, 4 when some were refused.
    Import(import::Import),
    /// Ask whether a call may pass; exits 0 when allowed, 3 when denied
    ///
    /// Exits 1 when nobody could judge, which is no answer.
    Check(check::Check),
    /// Ask why a call may or may not pass, at any instant
    Explain(explain::Explain),
    /// List things
    #[command(subcommand)]
    List(list::List),
    /// Show one thing
    #[command(subcommand)]
    Get(get::Get),
    /// Show who still calls a version, and how regularly
    ///
    /// Or, with --application, what an application still calls.
    Usage(usage::Usage),
    /// Show which applications are deleted because nobody uses them, and when
    Unused(unused::Unused),
    /// Plan or begin the deprecation of versions, operations or namespaces
    ///
    /// With --preview it says who is affected, and how; the token of a preview applies what was shown, or nothing.
    /// Several targets are one commit, or none.
    Deprecate(deprecate::Deprecate),
    /// Change the dates of an end; later is free, earlier needs notice or an override reason
    Revise(revise::Revise),
    /// Take back a planned or begun deprecation, or a planned retirement
    Withdraw(withdraw::Withdraw),
    /// Plan or begin a retirement
    Retire(retire::Retire),
    /// Bring back what is retired; needs a reason
    Reinstate(reinstate::Reinstate),
    /// Raise the maturity of versions
    Promote(promote::Promote),
    /// Short denials before a retirement
    #[command(subcommand)]
    Brownout(brownout::Brownout),
    /// Show the dates of a version, an operation or a namespace, and how they came about
    Schedule(schedule::Schedule),
    /// Show what happened to an API or a namespace, announcement by announcement
    Changelog(changelog::Changelog),
    /// Show the dates that are to come
    Calendar(calendar::Calendar),
    /// Register an application
    #[command(visible_alias = "create-application")]
    Register(register::Register),
    /// Subscribe an application to a version
    Subscribe(subscribe::Subscribe),
    /// End a subscription, or take its end back with --undo
    Unsubscribe(subscribe::Unsubscribe),
    /// Move subscriptions to another version, and take moves back
    ///
    /// Each application is moved whole or not at all. Exits 4 when some of many were refused.
    Move(moves::Move),
    /// Let an application's calls pass during brownouts of a version, or no longer
    Exempt(exempt::Exempt),
    /// Make a production application from a sandbox one, with the subscriptions that production grants it
    Uplift(uplift::Uplift),
    /// Dated exceptions for one application and one version
    #[command(subcommand)]
    Waive(waive::Waive),
    /// Secrets of applications: make, list and revoke them
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Public keys of applications: register, list and revoke them
    #[command(subcommand)]
    Key(key::Key),
    /// The networks that an application may call from
    #[command(subcommand)]
    Allowlist(allowlist::Allowlist),
    /// Say how fast an application may call
    Tier(allowlist::Tier),
    /// The file of the keys under which a hub hashes secrets
    #[command(subcommand)]
    Pepper(pepper::Pepper),
    /// Who answers for applications, and how far the platform has verified them
    #[command(subcommand)]
    Organisation(organisation::Organisation),
    /// Versions of applications: make, promote, submit and approve them
    #[command(subcommand)]
    AppVersion(app_version::AppVersion),
    /// Which applications stand in the marketplace
    #[command(subcommand)]
    Listing(listing::Listing),
    /// Install an application in a company, again or for the first time
    ///
    /// The first time says which projects it may reach; later they are kept.
    Install(install::Install),
    /// Let an installation run another version; the permitted projects are kept
    UpdateInstallation(install::Update),
    /// Uninstall an application from a company; it can be installed again
    Uninstall(install::Uninstall),
    /// Set the projects that an installation may reach
    Permit(install::Permit),
    /// What one person alone must not do, and waits for another
    #[command(subcommand)]
    Proposal(proposal::Proposal),
    /// Do what takes two persons alone, with a sealed code, on record
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlass),
    /// Let a hub that was restored from a backup decide and take changes again
    ConfirmRestore(restore::ConfirmRestore),
    /// Times at which collaborators change nothing
    #[command(subcommand)]
    Maintenance(maintenance::Maintenance),
    /// Customers whose data is called for
    #[command(subcommand)]
    Company(company::Company),
    /// Projects of a company
    #[command(subcommand)]
    Project(project::Project),
    /// Machine identities that companies made by themselves
    #[command(subcommand)]
    ServiceAccount(service_account::ServiceAccount),
    /// The dates of traditional service accounts
    #[command(subcommand)]
    CredentialClass(credential_class::CredentialClass),
    /// Report who is how far away from traditional service accounts
    #[command(subcommand)]
    Migration(migration::Migration),
    /// Publish announcements, revise and withdraw them
    #[command(subcommand)]
    Announce(announce::Announce),
    /// Follow what administrators are told of the ends of versions
    #[command(subcommand)]
    Notices(notices::Notices),
    /// Show the gateways that follow this hub, and how far each of them is; revoke and restore them
    Gateways(gateways::Gateways),
    /// Close all streams of a gateway at once; it may connect anew
    DisconnectGateway(gateways::Disconnect),
    /// Follow what happens
    Watch(watch::Watch),
    /// The audit trail for people outside: export it, verify it, ask it about the past
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Write a backup of a data directory
    Backup(backup::Backup),
    /// Make a data directory from a backup
    Restore(restore::Restore),
    /// Check a data directory
    ///
    /// The hub must not be running. Exits 0 when nothing is wrong that the next start does not heal, 1 otherwise.
    Doctor(doctor::Doctor),
    /// Write the compiled contract to standard output, for what turns JSON into calls (Envoy's grpc_json_transcoder)
    Descriptors(descriptors::Descriptors),
    /// Print who may make which call, as a Markdown table
    Access(access::Access),
    /// Print completions for a shell
    Completions(completions::Completions),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to standard output and are no error.
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    match cli.run() {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // When nobody can read the sentence, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    fn run(self) -> Result<ExitCode> {
        let (connection, output) = (&self.connection, self.output);
        match self.command {
            Command::Serve(command) => command.run(),
            Command::Agent(command) => command.run(),
            Command::Demo(command) => demo::run(&command).map(|()| ExitCode::SUCCESS),
            Command::Config(command) => command.run(output),
            Command::Plan(command) => wait_for(command.run(connection, output)),
            Command::Apply(command) => wait_for(command.run(connection, output)),
            Command::Export(command) => wait_for(command.run(connection)),
            Command::Import(command) => wait_for(command.run(connection, output)),
            Command::Check(command) => wait_for(command.run(connection, output)),
            Command::Explain(command) => wait_for(command.run(connection, output)),
            Command::List(command) => wait_for(command.run(connection, output)),
            Command::Get(command) => wait_for(command.run(connection, output)),
            Command::Usage(command) => wait_for(command.run(connection, output)),
            Command::Unused(command) => wait_for(command.run(connection, output)),
            Command::Deprecate(command) => wait_for(command.run(connection, output)),
            Command::Revise(command) => wait_for(command.run(connection, output)),
            Command::Withdraw(command) => wait_for(command.run(connection, output)),
            Command::Retire(command) => wait_for(command.run(connection, output)),
            Command::Reinstate(command) => wait_for(command.run(connection, output)),
            Command::Promote(command) => wait_for(command.run(connection, output)),
            Command::Brownout(command) => wait_for(command.run(connection, output)),
            Command::Schedule(command) => wait_for(command.run(connection, output)),
            Command::Changelog(command) => wait_for(command.run(connection, output)),
            Command::Calendar(command) => wait_for(command.run(connection, output)),
            Command::Register(command) => wait_for(command.run(connection, output)),
            Command::Subscribe(command) => wait_for(command.run(connection, output)),
            Command::Unsubscribe(command) => wait_for(command.run(connection, output)),
            Command::Move(command) => wait_for(command.run(connection, output)),
            Command::Exempt(command) => wait_for(command.run(connection, output)),
            Command::Uplift(command) => wait_for(command.run(connection, output)),
            Command::Waive(command) => wait_for(command.run(connection, output)),
            Command::Secret(command) => wait_for(command.run(connection, output)),
            Command::Key(command) => wait_for(command.run(connection, output)),
            Command::Allowlist(command) => wait_for(command.run(connection, output)),
            Command::Tier(command) => wait_for(command.run(connection, output)),
            Command::Pepper(command) => command.run(output),
            Command::Organisation(command) => wait_for(command.run(connection, output)),
            Command::AppVersion(command) => wait_for(command.run(connection, output)),
            Command::Listing(command) => wait_for(command.run(connection, output)),
            Command::Install(command) => wait_for(command.run(connection, output)),
            Command::UpdateInstallation(command) => wait_for(command.run(connection, output)),
            Command::Uninstall(command) => wait_for(command.run(connection, output)),
            Command::Permit(command) => wait_for(command.run(connection, output)),
            Command::Proposal(command) => wait_for(command.run(connection, output)),
            Command::BreakGlass(command) => wait_for(command.run(connection, output)),
            Command::ConfirmRestore(command) => wait_for(command.run(connection, output)),
            Command::Maintenance(command) => wait_for(command.run(connection, output)),
            Command::Company(command) => wait_for(command.run(connection, output)),
            Command::Project(command) => wait_for(command.run(connection, output)),
            Command::ServiceAccount(command) => wait_for(command.run(connection, output)),
            Command::CredentialClass(command) => wait_for(command.run(connection, output)),
            Command::Migration(command) => wait_for(command.run(connection, output)),
            Command::Announce(command) => wait_for(command.run(connection, output)),
            Command::Notices(command) => wait_for(command.run(connection, output)),
            Command::Gateways(command) => wait_for(command.run(connection, output)),
            Command::DisconnectGateway(command) => wait_for(command.run(connection, output)),
            Command::Watch(command) => wait_for(command.run(connection, output)),
            Command::Audit(command) => wait_for(command.run(connection, output)),
            Command::Backup(command) => command.run(output),
            Command::Restore(command) => command.run(output),
            Command::Doctor(command) => command.run(output),
            Command::Descriptors(command) => command.run(),
            Command::Access(command) => command.run(&mut std::io::stdout().lock()),
            Command::Completions(command) => command.run(),
        }
    }
}

/// Runs a command that talks to a hub; one thread is enough.
fn wait_for(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Whether the reader of our output went away, as `head` does: no reason to complain.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli =
            Cli::try_parse_from(["devhub", "list", "apis", "-o", "json", "--server", "http://h:1"]).expect("valid");
        assert_eq!((cli.output, cli.connection.server.as_str()), (Format::Json, "http://h:1"));
    }
}
