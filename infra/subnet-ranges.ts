/** The addresses of the network's subnets, by the VPC's range alone. */

export const SUBNET_KINDS = ["Public", "Private", "Isolated"] as const;
export type SubnetKind = (typeof SUBNET_KINDS)[number];

/** Zones for which there is room, however many are used. */
const MOST_ZONES = 3;
/** A quarter of the VPC for each kind, one of them spare; a quarter of that for each zone, one of them spare. */
const BITS = 2;

/**
 * The ranges of one kind, a zone each. They are the same with and without NAT gateways, in two zones and in three: a subnet that a
 * setting adds never overlaps one that is still there.
 * @param vpcCidr a network of /16 to /20
 * @throws for more zones than there is room for
 */
export function subnetRanges(vpcCidr: string, kind: SubnetKind, zones: number): string[] {
	if (zones > MOST_ZONES) throw new Error(`There is room for ${MOST_ZONES} zones, and not for ${zones}.`);
	const [address, mask] = vpcCidr.split("/") as [string, string];
	const first = address.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
	const kindMask = Number(mask) + BITS;
	const zoneMask = kindMask + BITS;
	const start = first + SUBNET_KINDS.indexOf(kind) * 2 ** (32 - kindMask);
	return Array.from({ length: zones }, (_, zone) => `${toAddress(start + zone * 2 ** (32 - zoneMask))}/${zoneMask}`);
}

/** 169082880 → "10.20.0.0" */
const toAddress = (number: number) => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
