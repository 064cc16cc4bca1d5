//! What the demonstration prints.

use std::fmt;
use std::net::SocketAddr;

use super::{DEMO_SESSION, Simulators};

/// What the calls prove themselves with.
#[derive(Clone)]
pub struct Credentials {
    /// For `X-API-Key`.
    pub api_key: String,
    /// For `Authorization: Bearer`.
    pub token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// The addresses, that of the listener for operators only if there is one, and five calls to paste.
#[must_use]
pub fn welcome(
    gateway: SocketAddr,
    operators: Option<SocketAddr>,
    simulators: &Simulators,
    credentials: &Credentials,
) -> String {
    let Credentials { api_key, token } = credentials;
    let operators =
        operators.map(|address| format!("\n  operators          http://{address}/admin/v1/cache"));
    let operators = operators.unwrap_or_default();
    let [regtech, flaisimulator, dashboard] =
        [&simulators.regtech, &simulators.flaisimulator, &simulators.dashboard].map(super::Simulator::url);
    format!(
        r#"IntegridAI Gateway   http://{gateway}
  console            http://{gateway}/console   (sign in with the API key below)
  docs               http://{gateway}/docs
  events             ws://{gateway}/api/v1/realtime/subscribe
  Prometheus         http://{gateway}/metrics{operators}
Simulated services
  RegTech Engine     {regtech}
  FLAISimulator      {flaisimulator}
  Dashboard          {dashboard}
Credentials for a day, of this demonstration alone
  API key            {api_key}
  token              {token}

Paste these:

# 1. Analyse a provider: RegTech, then the Dashboard, one consolidated answer
curl -s http://{gateway}/api/v1/gateway/execute -H 'X-API-Key: {api_key}' -H 'Content-Type: application/json' -d '{{"workflow":"complete_analysis","payload":{{"name":"Acme SA","cuit":"30-12345678-9","sector":"tecnologia"}}}}'

# 2. The ecosystem in figures
curl -s http://{gateway}/api/v1/metrics/consolidated -H 'Authorization: Bearer {token}'

# 3. Sync a training session later; the Location header says where to ask for it
curl -si http://{gateway}/api/v1/gateway/execute -H 'X-API-Key: {api_key}' -H 'Content-Type: application/json' -d '{{"workflow":"training_sync","payload":{{"training_session":"{DEMO_SESSION}"}},"options":{{"async":true,"priority":"high"}}}}'

# 4. Make RegTech fail three times: the next call of 1 is tried as often, answers 502 and says why
curl -s {regtech}/_control -H 'Content-Type: application/json' -d '{{"mode":"error","times":3,"paths":["/analyze_provider"]}}'

# 5. How everything is
curl -s http://{gateway}/api/v1/health

Ctrl-C drains and ends."#
    )
}
