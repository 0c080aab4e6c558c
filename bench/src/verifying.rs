//! Whether the time that a verification takes tells an unknown client from a wrong secret: pairs of classes, measured in
//! random order in one run, and Welch's t of each. Above 4.5, in either direction, a difference is taken to be real.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use devhub::clock::SystemClock;
use devhub::config::Config;
use devhub::domain::application::{Kind, Persona, Role};
use devhub::domain::client_secret::{CreateClientSecret, Made};
use devhub::domain::name::ClientId;
use devhub::domain::register::{ClientIdOrigin, CreateApplication};
use devhub::domain::{Actor, Command};
use devhub::hub::{Hub, Request};
use devhub::secret::{Pepper, Peppers, Secret};
use devhub::store::embedded::{Embedded, Options};
use devhub_decision::Environment;

/// Which part of the samples is kept, the fastest of both classes together: what is slower is noise of the machine.
const KEPT: [f64; 4] = [1.0, 0.99, 0.95, 0.80];

/// Clients that there are, so that none of them is alone in the store.
const CLIENTS: usize = 1000;

/// A cheap sequence that looks random: which class comes next must not follow a pattern of the machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or_default()
    }
}

/// Mean and variance of the mean.
fn moments(samples: &[u64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|sample| *sample as f64).sum::<f64>() / count;
    let square = samples.iter().map(|sample| (*sample as f64 - mean).powi(2)).sum::<f64>();
    (mean, square / (count - 1.0) / count)
}

/// Means of both and Welch's t, of the samples below the quantile of both together.
fn welch(first: &[u64], second: &[u64], kept: f64) -> (f64, f64, f64) {
    let mut all: Vec<u64> = first.iter().chain(second).copied().collect();
    all.sort_unstable();
    let last = ((all.len() as f64 * kept) as usize).clamp(1, all.len()) - 1;
    let below = |samples: &[u64]| samples.iter().copied().filter(|sample| *sample <= all[last]).collect::<Vec<_>>();
    let ((one, of_one), (two, of_two)) = (moments(&below(first)), moments(&below(second)));
    (one, two, (one - two) / (of_one + of_two).sqrt())
}

fn client(number: usize) -> String {
    format!("client-{number:06}")
}

async fn lay_out(hub: &Hub, peppers: &Peppers) -> Result<Vec<Secret>> {
    let operator: Actor = "operator:bench".parse()?;
    let mut secrets = Vec::new();
    for number in 0..CLIENTS {
        let id: devhub::domain::name::ApplicationId = format!("app-{number:06}").parse()?;
        let application = CreateApplication {
            id: id.clone(),
            client_id: client(number).parse()?,
            client_id_origin: ClientIdOrigin::Brought,
            name: format!("Application {number}"),
            description: String::new(),
            environment: Environment::Sandbox,
            owner: String::new(),
            kind: Kind::Standard,
            persona: Persona::CustomIntegration,
            collaborators: [("ada@example.com".parse()?, Role::Administrator)].into(),
        };
        let secret = Secret::generate();
        let made = CreateClientSecret {
            application: id,
            id: format!("secret-{number}").parse()?,
            name: "Server".to_owned(),
            expires_at: None,
            made: Some(Made { hash: peppers.hash(&secret), last_shown: secret.last_shown().to_owned() }),
        };
        for command in [Command::from(application), made.into()] {
            hub.execute(operator.clone(), command, Request::once()).await?;
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// Measures so many verifications, and prints what the time of each class tells of it.
pub(crate) async fn run(samples: usize) -> Result<()> {
    let directory = tempfile::tempdir_in(".")?;
    let rules = devhub::server::rules(&Config::for_testing(directory.path()))?;
    let store = Embedded::open(directory.path(), Options::default())?;
    let hub = Hub::open(Arc::new(store), rules, Arc::new(SystemClock))?;
    let peppers = Peppers::new(Vec::new(), Pepper::generate());
    let secrets = lay_out(&hub, &peppers).await?;
    let known: Vec<ClientId> = (0..CLIENTS).map(|number| client(number).parse()).collect::<Result<_, _>>()?;
    let unknown: Vec<ClientId> =
        (0..CLIENTS).map(|number| client(CLIENTS + number).parse()).collect::<Result<_, _>>()?;
    let wrong: Vec<Secret> = (0..CLIENTS).map(|_| Secret::generate()).collect();
    // That of an unknown client, a wrong one of a known client, and that of another client.
    let names = ["unknown client", "wrong secret", "secret of another"];
    let mut times: [Vec<u64>; 3] = Default::default();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let now = hub.now();
    for number in 0..samples + samples / 20 {
        let (class, which) = (dice.next(names.len()), dice.next(CLIENTS));
        let (client, secret) = match class {
            0 => (&unknown[which], &wrong[which]),
            1 => (&known[which], &wrong[which]),
            _ => (&known[which], &secrets[(which + 1) % CLIENTS]),
        };
        let begin = Instant::now();
        let verified = hub.verify_credentials(&peppers, Some(client), secret.reveal(), now).await?;
        let took = begin.elapsed();
        drop(std::hint::black_box(verified));
        // What comes first warms caches.
        if number >= samples / 20 {
            times[class].push(u64::try_from(took.as_nanos()).context("a verification took centuries")?);
        }
    }
    println!("{samples} verifications, {CLIENTS} known clients");
    println!("| kept | first | second | mean ns | mean ns | difference ns | Welch t |");
    println!("|---|---|---|---|---|---|---|");
    for (one, two) in [(0, 1), (0, 2), (1, 2)] {
        for kept in KEPT {
            let (first, second, t) = welch(&times[one], &times[two], kept);
            let difference = first - second;
            let (one, two) = (names[one], names[two]);
            println!("| {kept} | {one} | {two} | {first:.0} | {second:.0} | {difference:.0} | {t:.1} |");
        }
    }
    Ok(())
}
