//! Which account a request is for: by the name of its host, or by the first part of its path.

/// The part of a path that a name follows.
const PREFIX: &str = "/accounts/";

/// The account of a request, and its target without the account's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// In lower case.
    pub account: String,
    pub target: String,
}

/// Finds the account: `/accounts/NAME/jobs` on any host, or `/jobs` on the host `NAME.anything`.
pub fn route(host: Option<&str>, target: &str) -> Option<Route> {
    if let Some(rest) = target.strip_prefix(PREFIX) {
        let (name, target) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
        let slash = if target.starts_with('/') { "" } else { "/" };
        return is_account_name(name)
            .then(|| Route { account: name.to_ascii_lowercase(), target: format!("{slash}{target}") });
    }
    let (name, domain) = host?.split_once('.')?;
    // An address is not a name.
    let is_name = is_account_name(name) && domain.contains(|letter: char| letter.is_ascii_alphabetic());
    is_name.then(|| Route { account: name.to_ascii_lowercase(), target: target.into() })
}

/// What a name must be.
pub const ACCOUNT_NAME: &str = "an account's name has 3 to 24 letters and digits";

/// Names are those of the service. Case does not matter here.
pub fn is_account_name(name: &str) -> bool {
    (3..=24).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(host: &str, target: &str) -> Option<(String, String)> {
        route(Some(host), target).map(|Route { account, target }| (account, target))
    }

    fn to(account: &str, target: &str) -> (String, String) {
        (account.into(), target.into())
    }

    #[test]
    fn a_host_names_the_account() {
        assert_eq!(routed("contoso.westus.batch.azure.com", "/jobs?a=b"), Some(to("contoso", "/jobs?a=b")));
        assert_eq!(routed("Contoso.localhost:10500", "/jobs"), Some(to("contoso", "/jobs")));
    }

    #[test]
    fn a_path_names_the_account_on_any_host() {
        for host in ["127.0.0.1:10500", "fabrikam.localhost", "[::1]:1", ""] {
            assert_eq!(
                routed(host, "/accounts/Contoso/jobs?a=b"),
                Some(to("contoso", "/jobs?a=b")),
                "{host}"
            );
        }
        assert_eq!(route(None, "/accounts/contoso").map(|route| route.target).as_deref(), Some("/"));
        assert_eq!(routed("", "/accounts/contoso?a=b"), Some(to("contoso", "/?a=b")));
        assert_eq!(
            routed("", "/accounts/contoso/accounts/other/x"),
            Some(to("contoso", "/accounts/other/x"))
        );
    }

    #[test]
    fn others_name_none() {
        for host in ["127.0.0.1:10500", "localhost:10500", "[::1]:10500", "192.168.1.2", ""] {
            assert_eq!(routed(host, "/jobs"), None, "{host}");
        }
        assert_eq!(route(None, "/jobs"), None);
        for name in ["", "ab", "con_toso", "a%20b", "abcdefghijklmnopqrstuvwxy"] {
            assert_eq!(routed("contoso.localhost", &format!("/accounts/{name}/jobs")), None, "{name}");
        }
    }
}
