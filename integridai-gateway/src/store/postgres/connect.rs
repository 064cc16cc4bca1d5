//! Connections: how each is made, and how the first is waited for.
use std::future::poll_fn;
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::sync::mpsc;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;
use super::{failure, tls};
use crate::store::StoreError;

/// When the network goes silent it is noticed within 25 s at most, and within 15 s while something is under way.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// Between two attempts at the start.
const START_PAUSE: Duration = Duration::from_millis(200);

/// What drives a connection.
type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Makes connections that are all alike.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    timeout: Duration,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, StoreError> {
        let mut config = options.url.config().clone();
        if config.get_application_name().is_none() {
            config.application_name("integridai-gateway");
        }
        config
            .connect_timeout(options.connect_timeout)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .options(settings(options));
        Ok(Self { config, tls: tls::connector(options)?, timeout: options.connect_timeout })
    }

    /// A connection beside the pool, driven by the runtime that this is called in.
    pub(super) async fn connect(&self) -> Result<ClientWrapper, StoreError> {
        let (client, connection) = self.open().await?;
        let driven = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a connection to the database ended"
                );
            }
        });
        Ok(ClientWrapper::new(client, driven))
    }

    /// A connection that listens, and what it hears: the end of it too, as the end of the channel.
    pub(super) async fn listen(
        &self,
        statement: &str,
    ) -> Result<(ClientWrapper, mpsc::Receiver<()>), StoreError> {
        // Whoever is told looks for all that there is: one call is as good as many.
        let (tell, heard) = mpsc::channel(1);
        let (client, mut connection) = self.open().await?;
        let driven = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    let _ = tell.try_send(());
                }
            }
        });
        client.batch_execute(statement).await?;
        Ok((ClientWrapper::new(client, driven), heard))
    }

    async fn open(&self) -> Result<(Client, Driver), StoreError> {
        let connecting = self.config.connect(self.tls.clone());
        // The timeout of the configuration is for the network alone, and for each address anew.
        let connected = tokio::time::timeout(self.timeout, connecting).await;
        connected.map_err(|_| failure::silent())?.map_err(failure::not_connected)
    }

    /// Has the server break off what this connection is waiting for.
    pub(super) async fn cancel(&self, client: &Client) -> Result<(), Error> {
        client.cancel_token().cancel_query(self.tls.clone()).await
    }

    /// The first connection: a server that is still starting is waited for, one that refuses us is not.
    pub(super) async fn first(&self, patience: Duration) -> Result<ClientWrapper, StoreError> {
        let begun = Instant::now();
        loop {
            match self.connect().await {
                Err(error) if failure::is_passing(&error) && begun.elapsed() < patience => {
                    tracing::info!(error = &error as &dyn std::error::Error, "waiting for the database");
                    tokio::time::sleep(START_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn pool(&self, options: &PostgresOptions) -> Result<Pool, StoreError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        let timeouts = Timeouts {
            wait: Some(options.statement_timeout),
            create: Some(options.connect_timeout),
            recycle: Some(options.connect_timeout),
        };
        let builder = Pool::builder(manager).max_size(options.max_connections.max(1)).timeouts(timeouts);
        builder.runtime(Runtime::Tokio1).build().map_err(|error| StoreError::Failed {
            reason: "the connections to the database cannot be pooled",
            source: std::sync::Arc::new(error),
        })
    }
}

/// Ours come last and so hold; a lock that others keep is not waited for longer than a statement may take. No statement
/// runs so long that compiling it would pay, whatever is guessed of a table without statistics.
fn settings(options: &PostgresOptions) -> String {
    let asked = options.url.config().get_options().unwrap_or_default();
    let limit = options.statement_timeout.as_millis().clamp(1, i32::MAX as u128);
    format!(
        "{asked} -c timezone=UTC -c jit=off -c statement_timeout={limit} -c idle_in_transaction_session_timeout={limit}"
    )
}
