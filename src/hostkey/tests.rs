//! The verdict, by value. `tests/hostkey_differential.rs` holds it against a real `ssh`.

use super::*;
use proptest::prelude::*;

const HOST: &str = "serveurproduction";
const PORT: u16 = 722;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAZmJYWb5P94FBpY1IwJZi33w3pepMEtckdT5kAW5zrj";
const ED25519_FINGERPRINT: &str = "SHA256:79a7IccnMAv5j48mUer+zxWSWSH6SkNz7j/vq5oS3sA";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKllsu95wHWo4/xyPUjWNq+29yb94c/a1wNNwNpfP6BS";
const OTHER_FINGERPRINT: &str = "SHA256:PdV7FXF7wwQsM+HZ2Z7SwSeBWYemRRv/qlLabeYtRUg";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBINvI4nC8viPYvSGAverhrkP2G23DkfVUlUoD4NDdUr3W4mm5s8nLg0ivD1/86oeOQo46ZphnHZ7N+c2a61ZVjM=";
const ECDSA_FINGERPRINT: &str = "SHA256:v5Q+mLf7exC+3oGwfpwHMe/6mzwGiJsCHlQx/mNaCNw";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDHBrV+/vriucrVpPrcs03CrCF8sga06nPb74znGynloRhvlmkhL6y88cijhHRJQ2SIHSFO3sRLL8BjgkP0Eey6Mylf31/TIaTmcu00TYWfNrjl2cZyh9zD8jNbyWYANLMFRsdGAN5xq0hKsIX95q4ndQqwdWSARahjAIwYKD+anNr3A+srEccT7uZz83oeNoV9DtgSRoOJ9j0xaiP6orS+Z6GrtZz5M7Xv9gZ0F9dT0M++BJH76p+YtY+/RYWr3mEj4TGGmboV3q1V/9eCYRAVpl3kVKUdrIlzAGMRlMo/tILQpbMLK2LzMalFJnIUulF9WektpOu58fRc68ESNcT+SUesFY9PW8FkzXBEr2tHmm0L6xj5R2DTTTL2DQ7X1DO8E57n/kIxWHNM3ZKzBycPSKVPNT7aomT8xsIP4kkmD1oEyLbWH9M+22JisB2vsZ4qZs1dIzz/E1Keu1PJBwNVcndPXGbRdTKQqdGReTZotjXT2Xx7txL5XL670lIELJE=";

fn key(line: &str) -> PublicKey {
    PublicKey::from_openssh(line).unwrap()
}

fn known(text: &str) -> KnownHosts {
    KnownHosts::parse(&[("known_hosts", text.as_bytes())])
}

/// The verdict on `ED25519`, shown by the mission's server.
fn verdict(text: &str) -> Verdict {
    let verdict = known(text).verdict(HOST, PORT, &key(ED25519), &[]);
    let about = known(text).about(HOST, PORT);
    let same = about.verdict(HOST, PORT, &key(ED25519), &[]);
    assert_eq!(
        same, verdict,
        "what is said of other servers does not matter"
    );
    verdict
}

fn at_line(number: usize) -> String {
    format!("known_hosts:{number}")
}

#[test]
fn nothing_known_is_unknown() {
    assert_eq!(verdict(""), Verdict::Unknown);
    assert_eq!(
        verdict(&format!("[{HOST}]:723 {ED25519}\n")),
        Verdict::Unknown
    );
}

#[test]
fn what_is_kept_of_a_server_is_all_that_is_said_of_it() {
    let lines = [
        format!("[{HOST}]:722 {ED25519}"),
        format!("{HOST} {OTHER}"),
        format!("@revoked [*]:722 {RSA}"),
        format!("@cert-authority * {ECDSA}"),
        format!("[{HOST}]:723 {ED25519}"),
        format!("other {OTHER}"),
    ];
    let about = known(&lines.join("\n")).about("ServeurPRODUCTION", PORT);
    let numbers: Vec<_> = about.entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn the_recorded_key_is_trusted_among_several_and_in_any_case() {
    let text = format!("[{HOST}]:722 {OTHER}\n[{HOST}]:722 {RSA}\n[{HOST}]:722 {ED25519}\n");
    assert_eq!(verdict(&text), Verdict::Trusted);
    assert_eq!(
        known(&text).verdict("ServeurPRODUCTION", PORT, &key(ED25519), &[]),
        Verdict::Trusted
    );
}

#[test]
fn a_file_that_is_cut_anywhere_trusts_no_key_that_is_not_whole() {
    let text = format!("[{HOST}]:722 {ED25519}");
    for length in 0..text.len() {
        assert_ne!(verdict(&text[..length]), Verdict::Trusted, "{length}");
    }
    assert_eq!(verdict(&text), Verdict::Trusted);
}

#[test]
fn another_key_is_changed_whatever_its_type() {
    let text = format!("# mine\n[{HOST}]:722 {RSA}\n[{HOST}]:* {ECDSA}\n[*]:722 {ECDSA}\n");
    let Verdict::Changed { known, source } = verdict(&text) else {
        panic!("not changed");
    };
    assert_eq!(source, at_line(2));
    assert_eq!(known.len(), 2);
    assert_eq!(known[1], ECDSA_FINGERPRINT);
}

#[test]
fn both_files_count_and_the_source_names_the_one() {
    let own = format!("[{HOST}]:723 {ED25519}\n");
    let users = format!("\n[{HOST}]:722 {OTHER}\n");
    let known = KnownHosts::parse(&[("own", own.as_bytes()), ("user's", users.as_bytes())]);
    assert_eq!(
        known.verdict(HOST, 723, &key(ED25519), &[]),
        Verdict::Trusted
    );
    assert_eq!(
        known.verdict(HOST, PORT, &key(ED25519), &[]),
        Verdict::Changed {
            known: vec![OTHER_FINGERPRINT.to_owned()],
            source: "user's:2".to_owned(),
        }
    );
}

#[test]
fn the_name_without_port_makes_the_same_key_trusted_and_another_unknown() {
    assert_eq!(verdict(&format!("{HOST} {ED25519}")), Verdict::Trusted);
    assert_eq!(verdict(&format!("{HOST} {OTHER}")), Verdict::Unknown);
    // It comes second: what is known for the port decides.
    let text = format!("{HOST} {ED25519}\n[{HOST}]:722 {OTHER}\n");
    assert!(matches!(verdict(&text), Verdict::Changed { .. }));
    // And a name with a port means nothing for port 22.
    assert_eq!(
        known(&format!("[{HOST}]:722 {ED25519}\n[{HOST}]:22 {ED25519}\n")).verdict(
            HOST,
            22,
            &key(ED25519),
            &[]
        ),
        Verdict::Unknown
    );
}

#[test]
fn revoked_wins_over_everything() {
    for names in [format!("[{HOST}]:722"), HOST.to_owned(), "*".to_owned()] {
        let text = format!("[{HOST}]:722 {ED25519}\n@revoked {names} {ED25519}\n");
        let pins = [ED25519_FINGERPRINT.to_owned()];
        for pins in [&[][..], &pins] {
            assert_eq!(
                known(&text).verdict(HOST, PORT, &key(ED25519), pins),
                Verdict::Revoked { source: at_line(2) },
                "{names}"
            );
        }
    }
}

#[test]
fn revoking_one_key_says_nothing_of_another() {
    let text = format!("@revoked * {OTHER}\n[{HOST}]:722 {ED25519}\n");
    assert_eq!(verdict(&text), Verdict::Trusted);
    let elsewhere = format!("@revoked elsewhere {ED25519}\n[{HOST}]:722 {ED25519}\n");
    assert_eq!(verdict(&elsewhere), Verdict::Trusted);
}

#[test]
fn an_authority_alone_is_refused_and_its_key_is_nobodys() {
    for names in [format!("[{HOST}]:722"), HOST.to_owned(), "*".to_owned()] {
        for authority in [OTHER, ED25519] {
            assert_eq!(
                verdict(&format!("@cert-authority {names} {authority}")),
                Verdict::CertificateAuthority { source: at_line(1) }
            );
        }
    }
    let beside_the_key = format!("@cert-authority * {OTHER}\n[{HOST}]:722 {ED25519}\n");
    assert_eq!(verdict(&beside_the_key), Verdict::Trusted);
}

#[test]
fn only_pins_count_when_there_are_some() {
    let trusted = known(&format!("[{HOST}]:722 {ED25519}\n"));
    let of_other = [OTHER_FINGERPRINT.to_owned()];
    assert_eq!(
        trusted.verdict(HOST, PORT, &key(ED25519), &of_other),
        Verdict::NotPinned
    );
    let both = [OTHER_FINGERPRINT.to_owned(), ED25519_FINGERPRINT.to_owned()];
    let changed = known(&format!("[{HOST}]:722 {RSA}\n"));
    assert_eq!(
        changed.verdict(HOST, PORT, &key(ED25519), &both),
        Verdict::Trusted
    );
}

#[test]
fn the_known_types_are_asked_for_first() {
    let sha2 = [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) });
    let text = format!(
        "[{HOST}]:722 {RSA}\n[{HOST}]:722 {ED25519}\n[{HOST}]:722 {OTHER}\n\
         @revoked * {ECDSA}\n@cert-authority * {ECDSA}\nelsewhere {ECDSA}\n"
    );
    let expected = [sha2[0].clone(), sha2[1].clone(), Algorithm::Ed25519];
    assert_eq!(known(&text).algorithms(HOST, PORT), expected);

    let portless = format!("{HOST} {RSA}\n");
    assert_eq!(known(&portless).algorithms(HOST, PORT), sha2);
    assert_eq!(known(&portless).algorithms(HOST, 22), sha2);
    assert!(known("").algorithms(HOST, PORT).is_empty());
}

#[test]
fn a_missing_file_says_nothing_and_an_unreadable_one_closes() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let good = directory.path().join("good");
    std::fs::write(&good, format!("[{HOST}]:722 {ED25519}\n")).unwrap();
    let read = KnownHosts::read(&[missing, good.clone()]).unwrap();
    assert_eq!(
        read.verdict(HOST, PORT, &key(ED25519), &[]),
        Verdict::Trusted
    );

    let no_file = directory.path().to_owned();
    assert!(matches!(
        KnownHosts::read(&[good.clone(), no_file.clone()]),
        Err(Fault::KnownHostsUnreadable { path, .. }) if path == no_file
    ));

    std::fs::File::options()
        .write(true)
        .open(&good)
        .unwrap()
        .set_len(LARGEST_FILE + 1)
        .unwrap();
    assert!(matches!(
        KnownHosts::read(std::slice::from_ref(&good)),
        Err(Fault::KnownHostsUnreadable { path, .. }) if path == good
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn what_has_no_end_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for endless in [fifo, PathBuf::from("/dev/zero")] {
        assert!(matches!(
            KnownHosts::read(std::slice::from_ref(&endless)),
            Err(Fault::KnownHostsUnreadable { path, .. }) if path == endless
        ));
    }
}

#[test]
fn each_verdict_but_trust_is_a_fault() {
    let presented = present(HOST, PORT, &key(&format!("{ED25519} a comment")));
    assert_eq!(
        presented,
        PresentedKey {
            host: HOST.to_owned(),
            port: PORT,
            algorithm: "ssh-ed25519".to_owned(),
            fingerprint: ED25519_FINGERPRINT.to_owned(),
            line: ED25519.to_owned(),
        }
    );
    let key = presented.clone();
    let source = at_line(1);
    let pins = [OTHER_FINGERPRINT.to_owned()];
    for (verdict, fault) in [
        (Verdict::Trusted, None),
        (
            Verdict::Unknown,
            Some(Fault::HostKeyUnknown { key: key.clone() }),
        ),
        (
            Verdict::Changed {
                known: pins.to_vec(),
                source: source.clone(),
            },
            Some(Fault::HostKeyChanged {
                key: key.clone(),
                known: pins.to_vec(),
                source: source.clone(),
            }),
        ),
        (
            Verdict::Revoked {
                source: source.clone(),
            },
            Some(Fault::HostKeyRevoked {
                key: key.clone(),
                source: source.clone(),
            }),
        ),
        (
            Verdict::NotPinned,
            Some(Fault::HostKeyNotPinned {
                key: key.clone(),
                pinned: pins.to_vec(),
            }),
        ),
        (
            Verdict::CertificateAuthority {
                source: source.clone(),
            },
            Some(Fault::HostCertificateUnsupported {
                host: HOST.to_owned(),
                source,
            }),
        ),
    ] {
        assert_eq!(verdict_fault(verdict, presented.clone(), &pins), fault);
    }
}

/// Bytes that look like a line here and there, and hold no end of line.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::sample::select(vec![
            "@revoked",
            "@",
            "#",
            "!",
            "*",
            "|1|",
            " ",
            "\t",
            ",",
            "\0",
            "\r",
            HOST,
            ED25519,
            "ssh-ed25519 AAAA",
            "[serveurproduction]:722",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| {
        let mut line = pieces.concat();
        line.retain(|byte| *byte != b'\n');
        line
    })
}

proptest! {
    #[test]
    fn random_bytes_say_nothing(text in prop::collection::vec(any::<u8>(), 0..2000), port: u16) {
        let known = KnownHosts::parse(&[("known_hosts", &text)]);
        prop_assert_eq!(known.verdict(HOST, port, &key(ED25519), &[]), Verdict::Unknown);
        prop_assert!(known.algorithms(HOST, port).is_empty());
    }

    #[test]
    fn garbage_hides_no_good_line(
        before in prop::collection::vec(garbage(), 0..6),
        after in prop::collection::vec(garbage(), 0..6),
    ) {
        let good = |marker: &str, key: &str| format!("{marker}[{HOST}]:722 {key}").into_bytes();
        for (line, expected) in [
            (good("", ED25519), &[Verdict::Trusted, Verdict::Revoked { source: String::new() }][..]),
            (good("@revoked ", ED25519), &[Verdict::Revoked { source: String::new() }]),
        ] {
            let mut lines = before.clone();
            lines.push(line);
            lines.extend(after.clone());
            let text = lines.join(&b'\n');
            let mut verdict = KnownHosts::parse(&[("", &text)]).verdict(HOST, PORT, &key(ED25519), &[]);
            if let Verdict::Revoked { source } = &mut verdict {
                source.clear();
            }
            prop_assert!(expected.contains(&verdict), "{verdict:?}");
        }
    }

    #[test]
    fn a_line_cut_short_is_no_line_or_the_same_key(cut in 0usize..200) {
        let whole = format!("[{HOST}]:722 {ECDSA}");
        let text = whole.get(..cut).unwrap_or(&whole);
        let expected = if cut >= whole.len() { Verdict::Trusted } else { Verdict::Unknown };
        prop_assert_eq!(known(text).verdict(HOST, PORT, &key(ECDSA), &[]), expected);
    }
}
