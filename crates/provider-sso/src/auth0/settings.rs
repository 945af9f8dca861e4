//! Settings of Auth0: a tenant, and a client of it.

use secrecy::SecretString;
use url::Url;

use super::sign_in::SignInTypes;
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
        "audience of the Management API, if it is not <url>/api/v2/, for example with a custom domain (provider auth0)"
        => audience;
    SIGN_INS: SignInTypes = "COPPICE_AUTH0_SIGN_INS" [default SignInTypes::DEFAULT]
        "types of log entries that count as sign-ins: some of s, scoa, sens, sepft, ssa and sertft; the rules must have them too (provider auth0)"
        => sign_ins;
}
