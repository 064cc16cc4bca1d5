//! Two queues over one store, as two gateways over one database have.

use std::time::Duration;

use integridai_gateway::config::Config;
use integridai_gateway::demo::{Latency, SimulatorOptions, Simulators};
use integridai_gateway::orchestration::{Caller, ExecuteRequest, Handed, Queue, Workflows};
use integridai_gateway::store::{ExecutionState, JsonText};
use integridai_tower::CorrelationId;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::support::queue::{config, queue, store};
use crate::support::requests::{analysis, later, training};
use crate::support::{until, within};

async fn accept(queue: &Queue, config: &Config, number: u32) -> Uuid {
    let value = later(if number.is_multiple_of(2) { analysis() } else { training() });
    let body = JsonText::from(value.clone());
    let workflows = Workflows::new(config.workflows.clone());
    let request = ExecuteRequest::parse(value, body.as_str(), &workflows, false).expect("it is right");
    let principal = (number % 3).to_string();
    let caller = Caller { correlation_id: CorrelationId::generate(), user_id: None, owner: None, principal };
    let id = Uuid::now_v7();
    let handed = queue.accept(id, &request, body, caller, None).await.expect("there is room");
    assert_eq!(handed, Handed::Accepted(id));
    id
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// The first queue is killed with its whole runtime, in the midst of work; nothing of it ends in an orderly way.
#[test]
fn what_a_killed_queue_had_in_hand_is_done_by_the_other_and_each_effect_is_had_once() {
    let options =
        SimulatorOptions { latency: Latency::Realistic { scale: 0.1 }, ..SimulatorOptions::default() };
    let (killed, runtime) = (runtime(), runtime());
    let services = {
        let _entered = runtime.enter();
        Simulators::start(&options).expect("loopback has free ports")
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path());
    let settings = config(&services, &[("EXECUTIONS__LEASE_SECONDS", "2")]);
    let ids = killed.block_on(async {
        let first = queue(&settings, &store);
        first.start(8);
        let mut ids = Vec::new();
        for number in 0..60 {
            ids.push(accept(&first, &settings, number).await);
        }
        let dashboard = services.dashboard.control();
        within(dashboard.wait_until(|report| report.applied >= 10)).await;
        ids
    });
    killed.shutdown_background();
    runtime.block_on(async {
        let other = queue(&settings, &store);
        other.start(8);
        let mut interrupted = 0;
        for id in &ids {
            let ended = until("its end", async || {
                let found = store.execution(*id).await.ok().flatten()?;
                found.state.is_finished().then_some(found)
            })
            .await;
            assert_eq!(ended.state, ExecutionState::Succeeded, "{ended:?}");
            interrupted += ended.interruptions;
            let used = services.dashboard.control().key(&format!("{id}:dashboard"));
            assert_eq!(used.applied, 1, "{id}: {used:?}");
        }
        assert!(interrupted >= 1, "it was killed in the midst of something");
        assert_eq!(services.dashboard.control().report().applied, 60);
        other.drain(Duration::from_secs(5)).await;
        store.close(Duration::from_secs(5)).await.expect("it is written to its end");
    });
}
