//! Settings of Auth0: a tenant, and a client of it.

use ::settings::{Reader, Setting};

use crate::Auth0Config;

pub(crate) const URL: Setting =
    Setting::required("COPPICE_AUTH0_URL", "the tenant, as https://tenant.region.auth0.com (provider auth0)");
pub(crate) const CLIENT_ID: Setting = Setting::required(
    "COPPICE_AUTH0_CLIENT_ID",
    "machine-to-machine application with scope read:users, for sign-ins read:logs too (provider auth0)",
);
pub(crate) const CLIENT_SECRET: Setting =
    Setting::required("COPPICE_AUTH0_CLIENT_SECRET", "its secret (provider auth0)");
pub(crate) const AUDIENCE: Setting = Setting::with_default(
    "COPPICE_AUTH0_AUDIENCE",
    "",
    "audience of the Management API, where it is not <url>/api/v2/: a tenant with a custom domain (provider auth0)",
);

pub(crate) fn read(reader: &mut Reader) -> Option<Auth0Config> {
    let url = reader.read(URL);
    let client_id = reader.read(CLIENT_ID);
    let client_secret = reader.secret(CLIENT_SECRET);
    let audience = reader.read(AUDIENCE);
    Some(Auth0Config {
        domain: url?,
        client_id: client_id?,
        client_secret: client_secret?,
        audience: Some(audience?).filter(|audience: &String| !audience.is_empty()),
    })
}
