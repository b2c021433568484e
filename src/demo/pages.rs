//! The stand-ins: what answers behind the demonstration's server in the place of Grafana and
//! Prometheus. They have no port of their own, they speak HTTP over whatever stream they are given.

use crate::i18n::demo as words;
use crate::model::{HealthCheck, Language, RemoteTarget};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a connection may take to send a request, or stay idle between two.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Nothing but the page's own style sheet and icon: no script, no frame, no other origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A service that the demonstration imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Grafana: `/api/health` and a page.
    Grafana,
    /// Prometheus: `/-/ready`, `/-/healthy`, `/metrics` and a page.
    Prometheus,
}

impl Service {
    /// Both, the one that a click opens first.
    pub const ALL: [Self; 2] = [Self::Grafana, Self::Prometheus];

    /// Its proper name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grafana => "Grafana",
            Self::Prometheus => "Prometheus",
        }
    }

    /// Where the server reaches it: the same words as in the mission.
    #[must_use]
    pub fn remote(self) -> RemoteTarget {
        RemoteTarget {
            host: "localhost".to_owned(),
            port: match self {
                Self::Grafana => 3000,
                Self::Prometheus => 9090,
            },
        }
    }

    /// How Passerelle finds out whether it works.
    #[must_use]
    pub fn health_check(self) -> HealthCheck {
        match self {
            Self::Grafana => HealthCheck::Grafana,
            Self::Prometheus => HealthCheck::Prometheus,
        }
    }

    /// The page that its stand-in has at `/`.
    #[must_use]
    pub fn page(self, language: Language) -> String {
        format!(
            include_str!("page.html"),
            lang = words::html_language(language),
            theme = match self {
                Self::Grafana => "grafana",
                Self::Prometheus => "prometheus",
            },
            service = self.name(),
            remote = self.remote(),
            stand_in = words::page_stand_in(language),
            headline = words::page_headline(language),
            lead = words::page_lead(language),
            way = words::page_way(language),
            browser = words::page_browser(language),
            local = words::page_local(language),
            client = words::page_client(language),
            tunnel = words::page_tunnel(language),
            server = words::page_server(language),
            server_note = words::page_server_note(language),
            real_title = words::page_real_title(language),
            real = words::page_real(language),
            pretend_title = words::page_pretend_title(language),
            pretend = words::page_pretend(language),
            end_title = words::page_end_title(language),
            end = words::page_end(language),
        )
    }
}

/// One stand-in, shared by all connections to it.
#[derive(Debug)]
pub struct StandIn {
    service: Service,
    language: Language,
    requests: AtomicU64,
}

impl StandIn {
    /// A stand-in for `service` whose page is in `language`.
    #[must_use]
    pub fn new(service: Service, language: Language) -> Self {
        Self {
            service,
            language,
            requests: AtomicU64::new(0),
        }
    }

    /// What it stands in for.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// Answers HTTP/1.1 on `stream` until the peer ends, breaks the protocol or stays idle for 30 s.
    pub async fn serve<S>(self: Arc<Self>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let answer = service_fn(|request: Request<hyper::body::Incoming>| {
            let response = self.answer(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(response) }
        });
        let outcome = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_TIMEOUT)
            .serve_connection(TokioIo::new(stream), answer)
            .await;
        if let Err(error) = outcome {
            tracing::debug!(service = self.service.name(), %error, "stand-in connection ended");
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        const TEXT: &str = "text/plain; charset=utf-8";

        self.requests.fetch_add(1, Ordering::Relaxed);
        if method != Method::GET && method != Method::HEAD {
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET or HEAD only\n");
            refused
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match (self.service, path) {
            (_, "/") => response(
                StatusCode::OK,
                "text/html; charset=utf-8",
                self.service.page(self.language),
            ),
            (_, "/style.css") => response(
                StatusCode::OK,
                "text/css; charset=utf-8",
                include_str!("style.css"),
            ),
            (_, "/icon.svg") => response(StatusCode::OK, "image/svg+xml", include_str!("icon.svg")),
            (Service::Grafana, "/api/health") => response(
                StatusCode::OK,
                "application/json; charset=UTF-8",
                "{\n  \"commit\": \"demo\",\n  \"database\": \"ok\",\n  \"version\": \"demo\"\n}",
            ),
            (Service::Prometheus, "/-/ready") => {
                response(StatusCode::OK, TEXT, "Prometheus Server is Ready.\n")
            }
            (Service::Prometheus, "/-/healthy") => {
                response(StatusCode::OK, TEXT, "Prometheus Server is Healthy.\n")
            }
            (Service::Prometheus, "/metrics") => response(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                self.metrics(),
            ),
            (Service::Grafana | Service::Prometheus, _) => {
                response(StatusCode::NOT_FOUND, TEXT, "404 page not found\n")
            }
        }
    }

    /// Prometheus' text format, version 0.0.4.
    fn metrics(&self) -> String {
        format!(
            "# HELP passerelle_demo_requests_total Requests that came through the tunnel.\n\
             # TYPE passerelle_demo_requests_total counter\n\
             passerelle_demo_requests_total {}\n",
            self.requests.load(Ordering::Relaxed)
        )
    }
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn get(service: Service, path: &str) -> (u16, String) {
        let response = StandIn::new(service, Language::En).answer(&Method::GET, path);
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn the_health_paths_answer_as_the_services_do() {
        let (status, body) = get(Service::Grafana, "/api/health").await;
        let health: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &health["database"]), (200, &"ok".into()));

        let ready = get(Service::Prometheus, "/-/ready").await;
        assert_eq!(ready, (200, "Prometheus Server is Ready.\n".to_owned()));
        assert_eq!(get(Service::Grafana, "/-/ready").await.0, 404);
        assert_eq!(get(Service::Prometheus, "/api/health").await.0, 404);
    }

    #[test]
    fn the_counter_counts_and_only_reading_is_allowed() {
        let stand_in = StandIn::new(Service::Prometheus, Language::En);
        let refused = stand_in.answer(&Method::POST, "/");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()[header::ALLOW], "GET, HEAD");
        stand_in.answer(&Method::GET, "/");
        assert!(
            stand_in
                .metrics()
                .ends_with("\npasserelle_demo_requests_total 2\n")
        );
    }

    #[test]
    fn the_page_brings_nothing_from_elsewhere() {
        for service in Service::ALL {
            for language in [Language::En, Language::Fr] {
                let page = service.page(language);
                assert!(page.contains(service.name()));
                for foreign in ["//", "<script", "style=", "@import", "url("] {
                    assert!(!page.contains(foreign), "{foreign} in {page}");
                    assert!(!include_str!("style.css").contains(foreign));
                }
            }
        }
    }
}
