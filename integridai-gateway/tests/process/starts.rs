//! Gateways that cannot start say why.
use tokio::net::TcpListener;

use crate::support::{QUIET_ADDRESS, Start, client, health};

#[tokio::test]
async fn a_second_gateway_on_the_same_database_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shared.db");
    let start = Start::new(&database);
    let first = start.run().await;
    let second = start.fail().await;
    second.assert_refused(1, &[database.to_str().unwrap(), "in use by another process"]);
    health(&client(), &first).await;

    first.kill().await;
    assert_eq!(start.run().await.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(QUIET_ADDRESS).await.unwrap();
    let address = taken.local_addr().unwrap();
    let start = Start::new(&folder.path().join("gateway.db")).at(address);
    start.fail().await.assert_refused(1, &[&address.to_string(), "in use", "server.listen"]);
    let operators = Start::new(&folder.path().join("gateway.db")).set("ADMIN__LISTEN", address.to_string());
    operators.fail().await.assert_refused(1, &[&address.to_string(), "in use", "admin.listen"]);
    drop(taken);
    assert_eq!(start.run().await.address, address);
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("gateway.db");
    let refused = Start::new(&missing).fail().await;
    refused.assert_refused(1, &[missing.to_str().unwrap(), "folder", "does not exist"]);
    assert!(!missing.parent().unwrap().exists());

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, and worth keeping. ".repeat(100)).unwrap();
    let before = std::fs::read(&text).unwrap();
    Start::new(&text).fail().await.assert_refused(1, &[text.to_str().unwrap(), "not a database"]);
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let directory = folder.path().join("directory.db");
    std::fs::create_dir(&directory).unwrap();
    Start::new(&directory).fail().await.assert_refused(1, &[directory.to_str().unwrap()]);

    let foreign = folder.path().join("foreign.db");
    let other = rusqlite::Connection::open(&foreign).unwrap();
    other.execute_batch("CREATE TABLE mine (id INTEGER)").unwrap();
    Start::new(&foreign).fail().await.assert_refused(1, &[foreign.to_str().unwrap(), "another program"]);
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::new(&folder.path().join("gateway.db")).set("SERVER__LISTEN", "192.0.2.1:3002");
    let issuers =
        r#"{dev = {issuer = "dev", audience = ["a"], secret = "0123456789abcdef0123456789abcdef"}}"#;
    let start = start.set("AUTH__DISABLED", false).set("AUTH__ISSUERS", issuers);
    start.fail().await.assert_refused(1, &["192.0.2.1:3002"]);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "no file was made");
}
