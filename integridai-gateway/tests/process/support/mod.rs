//! The process under test, what it calls, and what it is asked.
mod asking;
mod gateway;
mod program;
mod recorder;
mod seed;
mod start;

pub(crate) use asking::{analysis, ask, client, figure, health, later, training};
pub(crate) use gateway::Gateway;
pub(crate) use program::{Ended, PROGRAM, bare, finish, run, run_in_shell};
pub(crate) use recorder::{Recorder, Update};
pub(crate) use seed::Seed;
pub(crate) use start::Start;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use integridai_gateway::demo::{SimulatorOptions, Simulators};

/// Far longer than anything here takes, even on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// For ports that have to be had twice: everything else here uses 127.0.0.1, and takes none of these meanwhile.
pub(crate) const QUIET_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 0);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let Ok(output) = tokio::time::timeout(PATIENCE, future).await else { panic!("{what}: not in time") };
    output
}

/// Looks again and again until the condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    })
    .await;
}

pub(crate) fn simulators() -> Simulators {
    Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports")
}
