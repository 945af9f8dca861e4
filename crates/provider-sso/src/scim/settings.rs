//! Settings of SCIM: a service, and a token.

use ::settings::{Reader, Setting};

use crate::ScimConfig;

pub(crate) const URL: Setting = Setting::required(
    "COPPICE_SCIM_URL",
    "base of the SCIM 2.0 service, as https://idp.example/scim/v2 (provider scim)",
);
pub(crate) const TOKEN: Setting = Setting::required("COPPICE_SCIM_TOKEN", "bearer token (provider scim)");

pub(crate) fn read(reader: &mut Reader) -> Option<ScimConfig> {
    let (url, token) = (reader.read(URL), reader.secret(TOKEN));
    Some(ScimConfig { base_url: url?, token: token? })
}
