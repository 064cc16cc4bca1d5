//! The gateways: each is started, killed and paused by its number.
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::balancer::Targets;
use crate::calls::{Answered, Calls, End};
use crate::support::{Gateway, Start};

#[derive(Debug)]
pub(crate) struct Replicas {
    starts: Vec<Start>,
    targets: Targets,
    /// Up, or on its way: one that starts while there is no database waits for it.
    gateways: Vec<JoinHandle<(Gateway, Calls)>>,
    answered: Vec<Answered>,
}

impl Replicas {
    /// Starts all of them, one after the other, so that one alone makes the schema.
    pub(crate) async fn start(starts: Vec<Start>, targets: Targets) -> Self {
        let mut replicas = Self { starts, targets, gateways: Vec::new(), answered: Vec::new() };
        for number in 0..replicas.starts.len() {
            let starting = replicas.launch(number);
            let gateway = starting.await.expect("it starts");
            replicas.gateways.push(tokio::spawn(async { gateway }));
        }
        replicas
    }

    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    fn launch(&self, number: usize) -> JoinHandle<(Gateway, Calls)> {
        let (gateway, targets) = (self.starts[number].spawn(), self.targets.clone());
        tokio::spawn(async move {
            let gateway = gateway.listening().await;
            targets.set(number, Some(gateway.address));
            let calls = Calls::of(gateway.address);
            (gateway, calls)
        })
    }

    /// Waits until it has started.
    pub(crate) async fn settle(&mut self, number: usize) {
        let gateway = (&mut self.gateways[number]).await.expect("it had started");
        self.gateways[number] = tokio::spawn(async { gateway });
    }

    /// kill -9, and a new start, which is not waited for.
    pub(crate) async fn kill(&mut self, number: usize) {
        let (gateway, calls) = (&mut self.gateways[number]).await.expect("it had started");
        gateway.kill().await;
        self.answered.push(calls.end(End::Killed).await);
        self.targets.set(number, None);
        self.gateways[number] = self.launch(number);
    }

    /// SIGTERM, the drain, and a new start, which is not waited for.
    pub(crate) async fn restart(&mut self, number: usize) {
        let (gateway, calls) = (&mut self.gateways[number]).await.expect("it had started");
        end(gateway).await;
        self.answered.push(calls.end(End::InOrder).await);
        self.targets.set(number, None);
        self.gateways[number] = self.launch(number);
    }

    /// Stands still for so long. The balancer does not know.
    pub(crate) async fn pause(&mut self, number: usize, length: Duration) {
        let (gateway, calls) = (&mut self.gateways[number]).await.expect("it had started");
        gateway.signal("STOP");
        tokio::time::sleep(length).await;
        gateway.signal("CONT");
        self.gateways[number] = tokio::spawn(async { (gateway, calls) });
    }

    /// Waits until all of them are up, and ends them in order. Answers what each that there ever was has answered.
    pub(crate) async fn stop(mut self) -> Vec<Answered> {
        for starting in self.gateways {
            let (gateway, calls) = starting.await.expect("it had started");
            end(gateway).await;
            self.answered.push(calls.end(End::InOrder).await);
        }
        self.answered
    }
}

async fn end(gateway: Gateway) {
    let exit = gateway.stop().await;
    assert_eq!(exit.code, Some(0), "{} {:?}", exit.errors, exit.log);
}
