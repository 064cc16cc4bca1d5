use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::authorities::Authorities;
use super::files::{Kept, TlsError};
use super::pair::PairSource;
use super::{Recipe, Tls};

/// Looks at the files again and again, and has what is new used for those who connect from then on. Connections that are
/// there go on as they are.
///
/// A pair that cannot be used, such as one of which only the half has been replaced yet, is told of once, and the one before
/// stays.
pub struct WatchFiles {
    tls: Tls,
    recipe: Recipe,
    pairs: Vec<Kept<PairSource>>,
    authorities: Option<Kept<Authorities>>,
    interval: Duration,
}

impl WatchFiles {
    pub(super) fn new(
        tls: Tls,
        recipe: Recipe,
        pairs: Vec<Kept<PairSource>>,
        authorities: Option<Kept<Authorities>>,
        interval: Duration,
    ) -> Self {
        let watch = Self { tls, recipe, pairs, authorities, interval };
        watch.offer();
        for pair in watch.pairs.iter().filter(|pair| pair.made.has_ended()) {
            tracing::warn!(file = pair.source.label(), "a certificate has ended");
        }
        watch
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            // The runtime ends.
            let Ok(watch) = looked.await else { return };
            self = watch;
        }
    }

    /// Once.
    fn look(&mut self) {
        let mut is_new = false;
        for pair in &mut self.pairs {
            is_new |= note(pair.look());
        }
        if is_new {
            self.offer();
        }
        if let Some(authorities) = &mut self.authorities
            && note(authorities.look())
        {
            let made = self.recipe.config(Some(authorities));
            note(made.map(|config| self.tls.0.config.store(Arc::new(config))).map(|()| true));
        }
        self.tell();
    }

    fn offer(&self) {
        self.recipe.chooser.choose_among(self.pairs.iter().map(|pair| &pair.made));
    }

    fn tell(&self) {
        for pair in &self.pairs {
            let expiry = metrics::gauge!(
                "integridai_server_tls_certificate_expiry_timestamp_seconds",
                "certificate" => pair.source.label()
            );
            expiry.set(pair.made.expires_at.as_secs_f64());
        }
    }
}

impl fmt::Debug for WatchFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchFiles").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// Whether something new is there.
fn note(looked: Result<bool, TlsError>) -> bool {
    let outcome = match &looked {
        Ok(false) => return false,
        Ok(true) => "taken",
        Err(_) => "refused",
    };
    metrics::counter!("integridai_server_tls_reloads_total", "outcome" => outcome).increment(1);
    match looked {
        Ok(_) => tracing::info!("new certificates are in use"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "new certificates cannot be used, the ones before stay"
        ),
    }
    outcome == "taken"
}
