//! `WScript.Network`.

use super::collection::Collection;
use super::{Class, Object, class};
use crate::host::{Answer, Host, IDENTITY};
use crate::value::{Value, text};

static CLASS: Class = Class {
    name: "WScript.Network",
    methods: &[
        "MapNetworkDrive",
        "RemoveNetworkDrive",
        "EnumNetworkDrives",
        "EnumPrinterConnections",
        "AddWindowsPrinterConnection",
    ],
    properties: &["ComputerName", "UserDomain", "UserName"],
    quiet: &[],
    default: "",
};

pub struct Network;

impl Object for Network {
    class!(CLASS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        match member {
            "ComputerName" | "UserDomain" | "UserName" => {
                host.evasion(IDENTITY, member);
                Ok(Value::text(match member {
                    "ComputerName" => host.settings.computer.as_str(),
                    "UserDomain" => "CORP",
                    _ => host.settings.user.as_str(),
                }))
            }
            "MapNetworkDrive" => {
                host.network("maps a drive", &text(args, 1));
                Ok(Value::Empty)
            }
            "EnumNetworkDrives" | "EnumPrinterConnections" => host.add(Box::new(Collection::new("WshCollection", []))),
            _ => Ok(Value::Empty),
        }
    }
}
