//! A server elsewhere has to prove who it is, and each way in which it cannot has an error of its own.

use local_stack::{Authority, TestDatabase, TlsPath};
use postgres_store::Store;

/// A server whose certificate is for `localhost`, and the file of its authority.
struct Server {
    database: TestDatabase,
    path: TlsPath,
    authority: tempfile::NamedTempFile,
}

impl Server {
    async fn start() -> Self {
        let database = TestDatabase::migrated().await.unwrap();
        let authority = Authority::generate().unwrap();
        let port = database.url().rsplit(['/', ':']).nth(1).unwrap().parse().unwrap();
        let path = TlsPath::to(port, &authority.sign(&["localhost"]).unwrap()).await.unwrap();
        Self { database, path, authority: file(&authority.certificate()) }
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        let name = self.database.url().rsplit_once('/').unwrap().1;
        format!("postgres://coppice:coppice@{host}:{}/{name}?{parameters}", self.path.port)
    }

    /// What a store says of the server.
    async fn says(&self, url: String) -> String {
        match Store::open(&url.into(), 1).unwrap().check_writable().await {
            Ok(()) => String::from("writable"),
            Err(error) => error.to_string(),
        }
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn a_server_of_our_authority_is_believed_and_each_other_fault_has_its_own_error() {
    let server = Server::start().await;
    let ca =
        |file: &tempfile::NamedTempFile| format!("sslmode=verify-full&sslrootcert={}", file.path().display());
    let ours = ca(&server.authority);
    assert_eq!(server.says(server.url("localhost", &ours)).await, "writable");
    let foreign = file(&Authority::generate().unwrap().certificate());
    let empty = file("no certificate");
    let refused = server.url("localhost", &ours).replacen("coppice:coppice", "coppice:zzwrongzz", 1);
    for (url, expected) in [
        (server.url("localhost", "sslmode=verify-full"), "an authority that is not known here"),
        (server.url("localhost", &ca(&foreign)), "an authority that is not known here"),
        (server.url("localhost", &ca(&empty)), "an authority that is not known here"),
        (server.url("localhost", &format!("{ours}-gone")), "cannot read a file"),
        (server.url("127.0.0.1", &ours), "for another host name"),
        (server.url("host.invalid", &ours), "no such host"),
        (refused, "it refuses the user or password in DATABASE_URL (28P01)"),
    ] {
        let said = server.says(url.clone()).await;
        assert!(said.starts_with("database unavailable: ") && said.contains(expected), "{url}: {said}");
        assert!(!said.contains("zzwrongzz"));
    }
    let Err(error) = Store::open(&String::from("postgres://coppice@localhost:port/x").into(), 1) else {
        panic!("a port is a number");
    };
    assert!(error.to_string().starts_with("database URL cannot be used: it is not of the form"), "{error}");
    let (elsewhere, here) = (server.url("db.internal", ""), server.url("localhost", ""));
    let tls = |url: String| Store::open(&url.into(), 1).unwrap().tls();
    assert_eq!(tls(elsewhere), "TLS, authority and host name checked (sslmode=verify-full)");
    assert_eq!(tls(here), "TLS if offered, on this machine");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_if_it_has_to_prove_who_it_is() {
    let database = TestDatabase::migrated().await.unwrap();
    let url = |mode: &str| format!("{}?sslmode={mode}", database.url());
    let store = |mode: &str| Store::open(&url(mode).into(), 1).unwrap();
    for mode in ["verify-full", "verify-ca", "require"] {
        let error = store(mode).check_writable().await.unwrap_err().to_string();
        assert!(error.contains("the server offers no TLS"), "{mode}: {error}");
    }
    for mode in ["prefer", "disable"] {
        store(mode).check_writable().await.unwrap();
    }
}
