//! A gateway that runs: one of the real programs with a configuration, from its first answer until it is dropped.

use std::fs::File;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::program::Program;
use crate::source;

/// Where each configuration says that the gateway listens.
pub(crate) const PORT: u16 = 8080;

/// How often it is tried whether a gateway answers, and how long lies between two tries.
const TRIES: usize = 1500;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// How often a gateway is started again because somebody took its port meanwhile.
const STARTS: usize = 5;

/// A configuration with the addresses of a test in place of those that it was written with.
pub(crate) struct Template(String);

impl Template {
    /// A configuration below `examples/gateways`.
    pub(crate) fn of(path: &str) -> Template {
        let path = source("examples/gateways").join(path);
        Template(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// One that is written in a test.
    pub(crate) fn written(text: &str) -> Template {
        Template(text.to_owned())
    }

    /// Says `to` wherever it said `from`, which it must.
    pub(crate) fn with(&self, from: &str, to: &str) -> Template {
        let Template(text) = self;
        assert!(text.contains(from), "the configuration does not say {from}");
        Template(text.replace(from, to))
    }

    /// Says `address` wherever it said `port` of this machine, which it must.
    pub(crate) fn at(&self, port: u16, address: SocketAddr) -> Template {
        let Template(text) = self;
        // Envoy's are written in two fields.
        let said = [(format!("127.0.0.1:{port}"), address.to_string())]
            .into_iter()
            .chain([(format!("port_value: {port}"), format!("port_value: {}", address.port()))]);
        let moved = said.fold(text.clone(), |text, (from, to)| text.replace(&from, &to));
        assert_ne!(&moved, text, "the configuration does not say {port}");
        Template(moved)
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    directory: TempDir,
    group: Pid,
    ended: Receiver<String>,
    runner: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Starts Envoy.
    pub(crate) fn envoy(program: &Program, template: &Template) -> Gateway {
        Gateway::start(program, template, |envoy, configuration, _| {
            envoy
                .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c"])
                .arg(configuration);
        })
    }

    /// Starts nginx with what stands in its `http` block.
    pub(crate) fn nginx(program: &Program, template: &Template) -> Gateway {
        // Where Debian's nginx would keep what it spools is not there.
        let spools =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {name};"));
        let Template(http) = template;
        let whole = format!(
            "master_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n{http}\n}}\n",
            spools.join("\n")
        );
        Gateway::start(program, &Template(whole), |nginx, configuration, directory| {
            nginx.arg("-p").arg(directory).arg("-c").arg(configuration).args(["-e", "stderr", "-g", "daemon off;"]);
        })
    }

    /// Starts Caddy with a Caddyfile.
    pub(crate) fn caddy(program: &Program, template: &Template) -> Gateway {
        Gateway::start(program, template, |caddy, configuration, directory| {
            caddy.env("HOME", directory).args(["run", "--adapter", "caddyfile", "--config"]).arg(configuration);
        })
    }

    /// Starts HAProxy.
    pub(crate) fn haproxy(program: &Program, template: &Template) -> Gateway {
        Gateway::start(program, template, |haproxy, configuration, _| {
            haproxy.args(["-db", "-f"]).arg(configuration);
        })
    }

    /// Starts `program` with a configuration that says [`PORT`] for its own. `arguments` make its command line of the
    /// configuration file and of a directory of its own.
    fn start(program: &Program, template: &Template, arguments: impl Fn(&mut Command, &Path, &Path)) -> Gateway {
        let mut complaints = String::new();
        for _ in 0..STARTS {
            let address = free_address();
            let template = template.at(PORT, address);
            match Gateway::try_start(program, &template, address, &arguments) {
                Ok(gateway) => return gateway,
                Err(complaint) => complaints = complaint,
            }
        }
        panic!("the gateway does not run:\n{complaints}");
    }

    fn try_start(
        program: &Program,
        template: &Template,
        address: SocketAddr,
        arguments: &impl Fn(&mut Command, &Path, &Path),
    ) -> Result<Gateway, String> {
        let directory = tempfile::tempdir().unwrap();
        let configuration = directory.path().join("configuration.yaml");
        std::fs::write(&configuration, &template.0).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = program.command();
        command.current_dir(directory.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        arguments(&mut command, &configuration, directory.path());
        let (started, start) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        // Envoy ends with the thread that started it, so this one stays until its end.
        let runner = thread::spawn(move || {
            let mut child = command.spawn().unwrap();
            started.send(Pid::from_child(&child)).unwrap();
            let status = child.wait().unwrap();
            // Nobody listens after a drop.
            let _ = end.send(status.to_string());
        });
        let group = start.recv().unwrap();
        let gateway = Gateway { address, directory, group, ended, runner: Some(runner) };
        for _ in 0..TRIES {
            if TcpStream::connect(address).is_ok() {
                return Ok(gateway);
            }
            match gateway.ended.recv_timeout(BETWEEN_TRIES) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(end) => return Err(format!("{end}\n{}", gateway.log())),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Err(format!("it does not listen\n{}", gateway.log()))
    }

    /// Tries until `attempt` comes to something: what a gateway finds out by itself takes it a moment.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
        for _ in 0..TRIES {
            if let Some(found) = attempt() {
                return found;
            }
            match self.ended.recv_timeout(BETWEEN_TRIES) {
                Err(RecvTimeoutError::Timeout) => {}
                ended => panic!("the gateway ended: {ended:?}\n{}", self.log()),
            }
        }
        panic!("never {what}:\n{}", self.log());
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        let mut log = String::new();
        let written = File::open(self.directory.path().join("log")).and_then(|mut file| file.read_to_string(&mut log));
        written.map(|_| log).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.ended.try_recv().is_err() {
            // It may have ended just now.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        let ended = self.runner.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || thread::panicking(), "nobody waited for the gateway");
    }
}

/// An address where nobody listens. Somebody may, until the gateway does.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
