//! The content management systems as their callers see them: cursors in, pages out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod clients;
mod conformance;
mod contentful;
mod contentful_pages;
mod directus;
mod real_directus;
mod settings;
