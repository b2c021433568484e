//! A real browser gets what it wants through the tunnel.

use crate::common::{
    Backend, Browser, ENTER, Forward, Passerelle, Prometheus, Sshd, free_port, wait_until,
};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn prometheus_own_page_draws_a_graph() {
    let backend = Backend::start();
    let prometheus = Prometheus::scraping(backend.port());
    let sshd = Sshd::start();
    let local = free_port();
    let forward = Forward::prometheus(local, prometheus.port());
    let passerelle = Passerelle::ready(&sshd, [forward]);
    let outcome = passerelle.verb(&["open", "--print", "Prometheus"]);
    let url = outcome.stdout.trim().to_owned();
    assert_eq!(url, format!("http://localhost:{local}/"), "{outcome:?}");

    let browser = Browser::start();
    browser.go(&url);
    let title = browser.evaluate("document.title").to_string();
    assert!(title.contains("Prometheus"), "{title}");
    // The page of Debian's build: a field for the query, a tab for the graph. A short time, as there
    // is not much behind us yet.
    browser.go(&format!(
        "{url}classic/graph?g0.tab=0&g0.range_input=1m&g0.step_input=1"
    ));
    browser.type_in("textarea", "lab_requests_total");
    wait_until("the graph is drawn", BOUND, || {
        browser.type_in("textarea", ENTER);
        browser.evaluate("document.querySelectorAll('.rickshaw_graph path').length") != 0
    });
    let legend = browser.evaluate("document.querySelector('.legend').textContent");
    assert!(
        legend.to_string().contains("lab_requests_total{"),
        "{legend}"
    );
}
