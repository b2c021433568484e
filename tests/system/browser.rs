//! A real browser gets what it wants through the tunnel, and while there is none, a page that leads there.

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

#[test]
fn a_page_stands_in_while_the_server_is_away_and_leads_there_by_itself() {
    let prometheus = Prometheus::scraping(Backend::start().port());
    let (mut sshd, local) = (Sshd::start(), free_port());
    let forward = Forward::prometheus(local, prometheus.port()).line("hold = \"1s\"");
    let passerelle = Passerelle::ready(&sshd, [forward]);
    passerelle.wait_phase("healthy", BOUND);
    sshd.stop();
    passerelle.wait_phase("waiting", BOUND);

    let browser = Browser::start();
    browser.go(&format!("http://localhost:{local}/classic/targets"));
    let heading = browser.evaluate("document.querySelector('h1').textContent");
    assert_eq!(heading, "Prometheus cannot be reached right now");
    let layout = browser.evaluate("getComputedStyle(document.body).display");
    assert_eq!(layout, "grid", "its own policy lets its style apply");

    sshd.restart();
    wait_until("it leads to what was wanted", BOUND, || {
        let text = browser.evaluate("document.body.textContent").to_string();
        text.contains("/metrics")
    });
    let path = browser.evaluate("location.pathname");
    assert_eq!(path, "/classic/targets");
}
