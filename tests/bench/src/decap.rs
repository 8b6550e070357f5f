//! Time per packet of the decap program.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use aya::programs::ProgramInfo;
use guideway_abi::DecapCounter;
use guideway_bpf::{Decap, Service, ServiceKey, ServicePort, Services, Transport, VipAddress, xdp_action};

use crate::Effort;
use crate::driver::{Baselines, Driver, Flows, Run, Traffic};
use crate::frame::{Kind, Template, Tunnel};
use crate::packets::{Samples, floors};
use crate::progress;
use crate::report::Row;
use crate::state::{STRANGER, V4, V6};
use crate::world::World;

/// The VIPs are translated on this port.
const TRANSLATED: u16 = 81;
/// The translated VIP over IPv4 and its target.
const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(23, 0, 0, 1));
const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 0, 7));

struct Scenario {
    name: &'static str,
    traffic: Traffic,
    verdict: DecapCounter,
    removed: usize,
}

fn scenarios() -> Vec<Scenario> {
    let scenario = |name, to: IpAddr, port, tunnel, flows, verdict| {
        let template = Template::new(to, Kind::Ack, port, tunnel);
        let removed = if verdict == DecapCounter::Pass { 0 } else { template.outer };
        Scenario { name, traffic: Traffic { template, flows, vips: 1 }, verdict, removed }
    };
    let (million, thousands) = (Flows::Of(1_000_000), Flows::Of(100_000));
    let (v4, v6) = (IpAddr::V4(V4), IpAddr::V6(V6));
    vec![
        scenario("decap ipip 4 in 4, as it is, 1M flows", v4, 80, Tunnel::IpIp, million, DecapCounter::Ipip),
        scenario("decap ipip 6 in 4, as it is, 1M flows", v6, 80, Tunnel::IpIp, million, DecapCounter::Ipip),
        scenario("decap gue 4 in 4, as it is, 1M flows", v4, 80, Tunnel::Gue, million, DecapCounter::Gue),
        scenario("decap gre 4 in 4, as it is, 1M flows", v4, 80, Tunnel::Gre, million, DecapCounter::Gre),
        scenario(
            "decap ipip, translated, 1 flow",
            VIP,
            TRANSLATED,
            Tunnel::IpIp,
            Flows::Of(1),
            DecapCounter::Ipip,
        ),
        scenario(
            "decap ipip, translated, 100k flows",
            VIP,
            TRANSLATED,
            Tunnel::IpIp,
            thousands,
            DecapCounter::Ipip,
        ),
        scenario(
            "decap gue, translated, 100k flows",
            VIP,
            TRANSLATED,
            Tunnel::Gue,
            thousands,
            DecapCounter::Gue,
        ),
        scenario("decap, no tunnel, pass", v4, 80, Tunnel::Bare, million, DecapCounter::Pass),
        scenario(
            "decap, tunnel for nobody here, pass",
            STRANGER.into(),
            80,
            Tunnel::IpIp,
            million,
            DecapCounter::Pass,
        ),
    ]
}

/// Measures the scenarios whose names contain `only`.
pub(crate) fn measure(
    world: &World,
    baselines: &mut Baselines,
    effort: Effort,
    only: &str,
) -> Result<Vec<Row>> {
    let mut scenarios = scenarios();
    scenarios.retain(|scenario| scenario.name.contains(only));
    if scenarios.is_empty() {
        return Ok(Vec::new());
    }
    let pins = world.pins("decap");
    let decap = Decap::open(&pins).context("load the decap programs")?;
    let program = ProgramInfo::from_pin(pins.join("decap"))?;
    let mut driver = Driver::new(&program.fd()?, &world.pins("driver"), world.ifindex)?;
    decap.set_services(&services())?;
    let mut samples: Vec<Samples> = scenarios.iter().map(|_| Samples::default()).collect();
    for round in 0..effort.rounds {
        progress(&format!("{} and {} more, round {round}", scenarios[0].name, scenarios.len() - 1));
        for (scenario, samples) in scenarios.iter().zip(&mut samples) {
            driver.run(&scenario.traffic, effort.warm_up())?;
            for _ in 0..effort.parts {
                let (empty, floor) = floors(baselines, &scenario.traffic, effort)?;
                let run = one_part(&decap, &mut driver, scenario, effort)?;
                samples.add(&empty, &floor, &run);
            }
            samples.end_round();
        }
    }
    let rows =
        scenarios.iter().zip(samples).flat_map(|(scenario, samples)| samples.rows(scenario.name, "decap"));
    let rows = rows.collect();
    drop(decap);
    Decap::remove(&pins).context("remove the decap programs")?;
    Ok(rows)
}

fn one_part(decap: &Decap, driver: &mut Driver, scenario: &Scenario, effort: Effort) -> Result<Run> {
    let before = decap.counters()?;
    let run = driver.run(&scenario.traffic, effort.packets)?;
    for ((counter, before), (_, after)) in before.iter().zip(decap.counters()?) {
        let expected = if *counter == scenario.verdict { u64::from(effort.packets) } else { 0 };
        if counter.index() <= DecapCounter::DropCongested.index() && after - before != expected {
            bail!("{}: {} packets counted as {}", scenario.name, after - before, counter.name());
        }
    }
    let expected = scenario.traffic.template.bytes.len() - scenario.removed;
    if (run.verdict, run.packet.len()) != (xdp_action::PASS, expected) {
        let (verdict, len) = (run.verdict, run.packet.len());
        bail!("{}: verdict {verdict} and {len} bytes instead of 2 and {expected}", scenario.name);
    }
    Ok(run)
}

fn services() -> Services {
    let mut services =
        Services::as_they_are([V4.into(), V6.into()].map(|vip| (vip, VipAddress::Foreign)).into());
    let port = ServicePort::Port(Transport::Tcp, TRANSLATED);
    services
        .services
        .insert(ServiceKey { vip: VIP, port }, Service::Translate(SocketAddr::new(TARGET, 8080)));
    services.vips.insert(VIP, VipAddress::Foreign);
    services
}
