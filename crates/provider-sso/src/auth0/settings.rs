//! Settings of Auth0: a tenant, and a client of it.

use secrecy::SecretString;
use url::Url;

use crate::Auth0Config;

::settings::declare! {
    impl Auth0Config;

    URL: Url = "COPPICE_AUTH0_URL" [required]
        "the tenant, as https://tenant.region.auth0.com (provider auth0)" => domain;
    CLIENT_ID: String = "COPPICE_AUTH0_CLIENT_ID" [required]
        "machine-to-machine application with scope read:users, for sign-ins read:logs too (provider auth0)"
        => client_id;
    CLIENT_SECRET: SecretString = "COPPICE_AUTH0_CLIENT_SECRET" [required, secret]
        "its secret (provider auth0)" => client_secret;
    AUDIENCE: Option<String> = "COPPICE_AUTH0_AUDIENCE" [default "", optional]
        "audience of the Management API, where it is not <url>/api/v2/: a tenant with a custom domain (provider auth0)"
        => audience;
}
