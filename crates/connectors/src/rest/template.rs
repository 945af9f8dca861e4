//! Paths of requests, with places for an ID, for several, or for a time. In: a text of the description, and a value. Out: segments
//! and a query, which the HTTP client encodes one by one: a value can neither leave its place nor the API's address.

/// A path below the API's address, such as `/v1/people/{id}?expand=all`.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    segments: Vec<String>,
    query: Vec<(String, String)>,
    place: &'static str,
}

/// A request's path and query.
pub(crate) struct Target {
    segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
}

impl Template {
    /// `place`: the name in braces that must be there once. Empty: none may be.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn parse(text: &str, place: &'static str) -> Result<Self, String> {
        let below = text.strip_prefix('/').filter(|below| !below.starts_with('/'));
        let Some(below) = below else {
            return Err(String::from(
                "must begin with one slash: it is a path below url, such as /v1/people/{id}",
            ));
        };
        if text.contains('#') {
            return Err(String::from("must have no #: nothing behind it is sent"));
        }
        let (path, query) = below.split_once('?').unwrap_or((below, ""));
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..") || segment.contains('%'))
        {
            return Err(String::from(
                "must have no empty segment, no `.` or `..`, and nothing that is encoded: that is done when it is sent",
            ));
        }
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let template = Self { segments, query, place };
        let places = template.places();
        let expected: Vec<&str> = if place.is_empty() { Vec::new() } else { vec![place] };
        if places != expected {
            let wanted =
                if place.is_empty() { String::from("no braces") } else { format!("{{{place}}} once") };
            return Err(format!("must have {wanted}"));
        }
        Ok(template)
    }

    /// The names in braces.
    fn places(&self) -> Vec<&str> {
        let texts = self.segments.iter().chain(self.query.iter().map(|(_, value)| value));
        texts
            .flat_map(|text| text.split('{').skip(1))
            .map(|rest| rest.split_once('}').map_or("", |(name, _)| name))
            .collect()
    }

    /// The target with this value in its place.
    pub(crate) fn with(&self, value: &str) -> Target {
        let filled = |text: &String| match self.place {
            "" => text.clone(),
            place => text.replace(&format!("{{{place}}}"), value),
        };
        Target {
            segments: self.segments.iter().map(filled).collect(),
            query: self.query.iter().map(|(name, text)| (name.clone(), filled(text))).collect(),
        }
    }

    /// The target without a value.
    pub(crate) fn plain(&self) -> Target {
        self.with("")
    }
}

impl Target {
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// With this parameter in the place of any of the same name.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.query.retain(|(own, _)| own != name);
        self.query.push((name.to_owned(), value));
    }
}

/// Whether a path ends with a slash, which [`Template::parse`] leaves out.
pub(crate) fn ends_with_slash(text: &str) -> bool {
    text.split('?').next().is_some_and(|path| path.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_place() {
        let template = Template::parse("/v1/people/{id}?expand=a%20b&x", "id").unwrap();
        let target = template.with("a/../b?c#d@e\r\nf");
        assert_eq!(target.segments(), ["v1", "people", "a/../b?c#d@e\r\nf"]);
        assert_eq!(target.pairs(), [("expand", "a b"), ("x", "")]);
        let inside = Template::parse("/people(id={id})", "id").unwrap().with("7");
        assert_eq!(inside.segments(), ["people(id=7)"]);
        let query = Template::parse("/people?ids={ids}", "ids").unwrap().with("1,2&admin=1");
        assert_eq!(query.pairs(), [("ids", "1,2&admin=1")]);
        let mut list = Template::parse("/people?page=1", "").unwrap().plain();
        list.set("page", String::from("2"));
        assert_eq!(list.pairs(), [("page", "2")]);
    }

    #[test]
    fn what_is_no_path_below_the_address_is_refused() {
        for (text, place, part) in [
            ("v1/{id}", "id", "begin with one slash"),
            ("//other.example/{id}", "id", "begin with one slash"),
            ("https://other.example/{id}", "id", "begin with one slash"),
            ("/v1/../{id}", "id", "no empty segment"),
            ("/v1//{id}", "id", "no empty segment"),
            ("/v1/%2e%2e/{id}", "id", "nothing that is encoded"),
            ("/v1/{id}#x", "id", "no #"),
            ("/v1/people", "id", "must have {id} once"),
            ("/v1/{id}/{id}", "id", "must have {id} once"),
            ("/v1/{name}", "id", "must have {id} once"),
            ("/v1/{id", "id", "must have {id} once"),
            ("/v1/{id}", "", "must have no braces"),
        ] {
            let wrong = Template::parse(text, place).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }
}
