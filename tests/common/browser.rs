//! Debian's Chromium without a screen, steered by ChromeDriver: W3C WebDriver, as much as is needed.

use super::process::{Process, tool};
use super::scratch::{Scratch, free_port};
use super::wait::wait_until;
use crate::common::http::{get, post};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

/// A page to load, scripts included.
const BOUND: Duration = Duration::from_secs(60);

/// WebDriver's name of the Enter key: section 17.4.2, "Keyboard actions".
pub(crate) const ENTER: &str = "\u{e007}";

/// WebDriver's key of a reference to an element: section 12.1.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub(crate) struct Browser {
    _driver: Process,
    _profile: Scratch,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts one, with nothing in it.
    pub(crate) fn start() -> Self {
        let (port, profile) = (free_port(), Scratch::new());
        let mut command = Process::command(tool("chromedriver", "chromium-driver"));
        command.arg(format!("--port={port}"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let driver = Process::start("chromedriver", &mut command);
        wait_until("ChromeDriver is ready", BOUND, || {
            get(port, "/status").is_ok_and(|reply| reply.body.contains("\"ready\":true"))
        });
        let arguments = json!([
            "--headless",
            // The tests are root's, whom Chromium's sandbox refuses.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1200,900",
            format!("--user-data-dir={}", profile.path().display()),
        ]);
        let options = json!({
            "binary": tool("chromium", "chromium"),
            "args": arguments,
        });
        let mut browser = Self {
            _driver: driver,
            _profile: profile,
            port,
            session: String::new(),
        };
        // Scripts may make an element after the page is loaded: it is waited for, in milliseconds.
        let wanted = json!({"goog:chromeOptions": options, "timeouts": {"implicit": 30_000}});
        let session = browser.command("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        let id = session["sessionId"].as_str();
        browser.session = id.expect("a session has an id").to_owned();
        browser
    }

    /// Goes to the address, and waits until the page is loaded.
    pub(crate) fn go(&self, url: &str) {
        self.command("/url", &json!({ "url": url }));
    }

    /// Types into the element that the CSS selector finds first.
    pub(crate) fn type_in(&self, selector: &str, text: &str) {
        let by = json!({"using": "css selector", "value": selector});
        let element = self.command("/element", &by);
        let id = element[ELEMENT].as_str().expect("an element has an id");
        self.command(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// What the JavaScript expression is worth in the page.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.command("/execute/sync", &json!({"script": script, "args": []}))
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let path = match self.session.as_str() {
            "" => "/session".to_owned(),
            session => format!("/session/{session}{path}"),
        };
        let reply = post(self.port, &path, &body.to_string(), BOUND).expect("ChromeDriver answers");
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let mut reply: Value = serde_json::from_str(&reply.body).expect("WebDriver speaks JSON");
        reply["value"].take()
    }
}
