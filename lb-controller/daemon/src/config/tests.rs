use proptest::prelude::*;

use super::*;

const SEED: &str = "seed: '000102030405060708090a0b0c0d0e0f'\n";

#[test]
fn the_least_that_is_needed() {
    let config = Config::parse(&format!("{SEED}home: {{kubeconfig: /h}}\n")).unwrap();
    assert_eq!(config.seed, Seed::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    let home = config.home.as_ref().unwrap();
    assert_eq!(home.kubeconfig, Kubeconfig::File("/h".into(), None));
    assert_eq!((home.namespace.as_str(), home.rollout.as_str()), ("guideway", "default"));
    assert_eq!(config.listen, ["[::]:9480".parse().unwrap()]);
    assert_eq!(config.summary(), "a home cluster, 0 clusters");
}

#[test]
fn the_file_with_services_is_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("services.yaml");
    let config = Config::parse(&format!("{SEED}services_file: {}\n", path.display())).unwrap();
    assert!(config.check_services().unwrap_err().to_string().contains("services.yaml"), "it is not there");
    std::fs::write(&path, "services:\n- name: web\n").unwrap();
    let error = config.check_services().unwrap_err().to_string();
    assert!(error.contains("services.yaml:2: services[0].name: must be namespace/name"), "{error}");
    std::fs::write(&path, "services: []\n").unwrap();
    config.check_services().unwrap();
}

#[test]
fn everything() {
    let text = format!(
        "{SEED}
home: {{in_cluster: true, namespace: lb, rollout: main, election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}}}
class: example.org/lb
endpoints: Node
clusters:
  - {{name: east, kubeconfig: /e, context: admin}}
  - name: west
    kubeconfig: /w
    class: other
    default_class: true
    namespaces: [shop]
    endpoints: Pod
    shard: gold
    backend_policy: fast
services_file: /s.yaml
listen: ['0.0.0.0:9480', '[::1]:9480']
ca: {{folder: /ca, names: [lb.example.org]}}
state_dir: /state
admin: {{socket: /run/x.sock}}
metrics: {{listen: '127.0.0.1:1'}}
forwarders: {{keepalive: 1s, silence: 5s}}
"
    );
    let config = Config::parse(&text).unwrap();
    let home = config.home.as_ref().unwrap();
    assert_eq!(home.kubeconfig, Kubeconfig::InCluster);
    assert_eq!(home.election.lease_duration, Duration::from_secs(3));
    let [east, west] = &config.clusters[..] else { panic!("{config:?}") };
    assert_eq!(east.kubeconfig, Kubeconfig::File("/e".into(), Some("admin".to_owned())));
    assert_eq!(east.settings.load_balancer_class.as_deref(), Some("example.org/lb"));
    assert_eq!(east.settings.endpoints.as_str(), "Node");
    assert_eq!(west.settings.endpoints.as_str(), "Pod");
    assert!(west.settings.default_class && west.settings.namespaces.contains("shop"));
    assert_eq!(
        (&west.settings.shard, &west.settings.backend_policy),
        (&Some("gold".into()), &Some("fast".into()))
    );
    assert_eq!(config.ca.names, ["lb.example.org"]);
    assert_eq!(config.liveness.silence, Duration::from_secs(5));
}

#[test]
fn every_problem_has_a_line_and_a_field() {
    for (text, expected) in [
        ("", "1: seed: is required and missing"),
        ("seed: 1\nhome: {kubeconfig: /h}\n", "1: seed: must be 32 hexadecimal digits"),
        (SEED, "1: says nothing about pools"),
        (&format!("{SEED}home: {{}}\n"), "2: home.kubeconfig: is required and missing"),
        (
            &format!("{SEED}home: {{in_cluster: true, kubeconfig: /h}}\n"),
            "2: home.kubeconfig: does not go together",
        ),
        (&format!("{SEED}home: {{kubeconfig: /h}}\nrollout: {{}}\n"), ""),
        (
            &format!("{SEED}home: {{kubeconfig: /h}}\nrollout: {{sets: 1}}\n"),
            "3: rollout: belongs into the Rollout object",
        ),
        (
            &format!("{SEED}home: {{kubeconfig: /h, election: {{renew_deadline: 20s}}}}\n"),
            "2: home.election.renew_deadline: must be less than lease_duration",
        ),
        (
            &format!("{SEED}services_file: /s\nclusters: [{{name: A, kubeconfig: /a}}]\n"),
            "3: clusters[0].name: \"A\" is no name",
        ),
        (
            &format!(
                "{SEED}services_file: /s\nclusters:\n- {{name: a, kubeconfig: /a}}\n- {{name: a, kubeconfig: /b}}\n"
            ),
            "5: clusters[1].name: the name a stands here twice",
        ),
        (
            &format!("{SEED}services_file: /s\nrollout: {{over_budget: never}}\n"),
            "3: rollout.over_budget: must be hold, or a time",
        ),
        (
            &format!("{SEED}services_file: /s\nrollout: {{history: 0}}\n"),
            "3: rollout.history: 0 is not in 1 to 100",
        ),
        (&format!("{SEED}services_file: /s\nendpoints: Pods\n"), "3: endpoints: `Pods` must be Pod or Node"),
        (
            &format!("{SEED}services_file: /s\nforwarders: {{silence: 200ms}}\n"),
            "3: forwarders.silence: must be more than keepalive, which is 200ms",
        ),
        (
            &format!("{SEED}services_file: /s\nlistens: []\n"),
            "3: listens: is unknown here; known fields: seed, home",
        ),
    ] {
        match Config::parse(text) {
            Ok(_) => assert_eq!(expected, "", "{text}"),
            Err(problems) if expected.is_empty() => {
                assert!(problems[0].reason.starts_with("belongs"), "{problems:?}");
            }
            Err(problems) => {
                let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
                assert!(found.iter().any(|line| line.starts_with(expected)), "{text}: {found:?}");
            }
        }
    }
}

#[test]
fn without_a_home_cluster_the_file_says_how_changes_go_out() {
    let text = format!(
        "{SEED}services_file: /s\nrollout: {{prepare_timeout: 3s, slots_permille: 10, sets: 4, over_budget: 30s, history: 5}}\n"
    );
    let rollout = Config::parse(&text).unwrap().rollout;
    assert_eq!(rollout.prepare_timeout, Duration::from_secs(3));
    assert_eq!((rollout.slots_permille, rollout.sets, rollout.history.get()), (Some(10), Some(4), 5));
    assert!(matches!(rollout.over_budget, guideway_controller_crds::guideway::OverBudget::Spread { .. }));
}

#[test]
fn the_example_is_right() {
    let config = Config::parse(include_str!("../../../../deploy/examples/lb-controller.yaml")).unwrap();
    assert_eq!(config.summary(), "a home cluster, 1 clusters");
}

const EXAMPLE: &str = include_str!("../../../../deploy/examples/lb-controller.yaml");

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_refused(at in 0..EXAMPLE.len(), length in 0_usize..8, text in ".{0,6}|[0-9a-z:{}\\[\\],' -]{0,12}") {
        let mut changed = EXAMPLE.to_owned();
        let end = (at + length).min(EXAMPLE.len());
        if changed.is_char_boundary(at) && changed.is_char_boundary(end) {
            changed.replace_range(at..end, &text);
        }
        for text in [changed, text] {
            if let Err(problems) = Config::parse(&text) {
                prop_assert!(!problems.is_empty());
            }
        }
    }
}
