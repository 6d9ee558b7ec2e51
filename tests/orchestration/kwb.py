"""Kerncijfers wijken en buurten of 2024 and later as tables of the stand-in, for the tests of indicators over the years.

The column keys of 2024 are CBS's own; the figures of municipalities and wijken in 2024 too (CC BY 4.0, Bron: CBS).
"""

from __future__ import annotations

from typing import Any

from tests.standin import Dim, Group, Topic, V3Table

_TEXT = ("Gemeentenaam_1", "SoortRegio_2", "Codering_3", "IndelingswijzigingGemeenteWijkBuurt_4")
#: Those that indicators are bound to, with their numbers of 2024.
_NUMBERS = (
    "AantalInwoners_5", "k_0Tot15Jaar_8", "k_15Tot25Jaar_9", "k_25Tot45Jaar_10", "k_45Tot65Jaar_11",
    "k_65JaarOfOuder_12", "HuishoudensTotaal_29", "Eenpersoonshuishoudens_30", "HuishoudensZonderKinderen_31",
    "HuishoudensMetKinderen_32", "GemiddeldeHuishoudensgrootte_33", "Bevolkingsdichtheid_34", "Woningvoorraad_35",
    "GemiddeldeWOZWaardeVanWoningen_39", "PercentageEengezinswoning_40", "OnbewoondeWoningen_46", "Koopwoningen_47",
    "HuurwoningenTotaal_48", "InBezitWoningcorporatie_49", "GemiddeldeElektriciteitslevering_53",
    "GemiddeldAardgasverbruik_55", "PercentageWoningenMetStadsverwarming_56", "AardgasvrijeWoningen_57",
    "WoningenMetZonnestroom_59", "AantalPubliekeLaadpalen_61", "LeerlingenPo_62", "BasisonderwijsVmboMbo1_67",
    "HavoVwoMbo24_68", "HboWo_69", "Nettoarbeidsparticipatie_71", "PercentageZelfstandigen_75",
    "GemiddeldInkomenPerInwoner_78", "PersonenInArmoede_81", "MediaanVermogenVanParticuliereHuish_86",
    "PersonenPerSoortUitkeringBijstand_87", "PersonenPerSoortUitkeringAO_88", "PersonenPerSoortUitkeringWW_89",
    "PersonenPerSoortUitkeringAOW_90", "JongerenMetJeugdzorgInNatura_91", "PercentageJongerenMetJeugdzorg_92",
    "WmoClientenRelatief_94", "BedrijfsvestigingenTotaal_95", "ALandbouwBosbouwEnVisserij_96",
    "BFNijverheidEnEnergie_97", "GIHandelEnHoreca_98", "MNZakelijkeDienstverlening_101",
    "RUCultuurRecreatieOverigeDiensten_103", "PersonenautoSPerHuishouden_107", "AfstandTotHuisartsenpraktijk_110",
    "AfstandTotGroteSupermarkt_111", "AfstandTotKinderdagverblijf_112", "AfstandTotSchool_113",
    "ScholenBinnen3Km_114", "OppervlakteTotaal_115", "OppervlakteLand_116", "MateVanStedelijkheid_120",
    "Omgevingsadressendichtheid_121",
)  # fmt: skip

#: What the columns count, besides numbers of things.
_UNITS = {
    "%": (
        "PercentageEengezinswoning OnbewoondeWoningen Koopwoningen HuurwoningenTotaal InBezitWoningcorporatie "
        "PercentageWoningenMetStadsverwarming AardgasvrijeWoningen WoningenMetZonnestroom Nettoarbeidsparticipatie "
        "PercentageZelfstandigen PersonenInArmoede PercentageJongerenMetJeugdzorg"
    ),
    "x 1 000 euro": "GemiddeldeWOZWaardeVanWoningen GemiddeldInkomenPerInwoner MediaanVermogenVanParticuliereHuish",
    "km": "AfstandTotHuisartsenpraktijk AfstandTotGroteSupermarkt AfstandTotKinderdagverblijf AfstandTotSchool",
    "ha": "OppervlakteTotaal OppervlakteLand",
    "aantal inwoners per km²": "Bevolkingsdichtheid",
    "per km²": "Omgevingsadressendichtheid",
    "per huishouden": "PersonenautoSPerHuishouden",
    "per 1 000 inwoners": "WmoClientenRelatief",
    "kWh": "GemiddeldeElektriciteitslevering",
    "m³": "GemiddeldAardgasverbruik",
    "code": "MateVanStedelijkheid",
}
_UNIT = {stem: unit for unit, stems in _UNITS.items() for stem in stems.split()}

#: Inhabitants, of whom 0 to 15 years, of whom 65 years or older, on 1 January 2024.
MUNICIPALITIES = {
    "GM1724": (19196, 2631, 4620),
    "GM1728": (20985, None, 4903),
    "GM0770": (20199, None, 4861),
    "GM0823": (19280, None, 4735),
    "GM1667": (13577, None, 3114),
}
WIJKEN = {
    "WK172400": (8595, 1145, 2305), "WK172401": (505, 65, 130), "WK172402": (2530, 365, 565), "WK172403": (1820, 225, 490),
    "WK172404": (1950, 255, 455), "WK172405": (1405, 240, 200), "WK172406": (2385, 330, 485), "WK172800": (10685, 1460, 2670),
    "WK172801": (1075, 190, 165), "WK172802": (5755, 815, 1325), "WK172803": (2320, 325, 505), "WK172804": (1140, 200, 235),
    "WK077000": (10860, 1725, 2725), "WK077001": (2015, 265, 465), "WK077002": (1525, 235, 335), "WK077003": (2210, 285, 575),
    "WK077004": (2145, 365, 445), "WK077005": (1440, 200, 315), "WK082300": (11190, 1550, 2965), "WK082301": (2430, 320, 445),
    "WK082302": (3775, 510, 950), "WK082303": (1885, 320, 375), "WK166700": (8850, 1445, 2045), "WK166701": (1965, 350, 445),
    "WK166702": (1900, 280, 425), "WK166703": (865, 155, 195),
}  # fmt: skip


def kwb(
    table_id: str,
    year: int,
    flags: dict[str, str] | None = None,
    names: dict[str, str] | None = None,
    rename: dict[str, str] | None = None,
) -> V3Table:
    """A year of the series, with the figures of 2024 whatever the year.

    :param flags: CBS's flag of a wijk (1 unchanged, 2 another code, 3 another area); 1 by default.
    :param names: what a region is called in this year.
    :param rename: columns under another key.
    """
    rename = rename or {}
    codes = {code: {"Title": (names or {}).get(code, f"Gebied {code}")} for code in ("NL00", *MUNICIPALITIES, *WIJKEN)}
    rows: list[dict[str, Any]] = []
    for code in codes:
        inhabitants, young, old = (MUNICIPALITIES | WIJKEN | {"NL00": (17942942, None, 3676608)})[code]
        row: dict[str, Any] = {"WijkenEnBuurten": code}
        row |= {rename.get(key, key): 1 for key in _NUMBERS}
        row |= dict(zip(_TEXT, ("Kempen", "Gebied", code, "."), strict=True))
        if code.startswith("WK"):
            row[_TEXT[3]] = (flags or {}).get(code, "1")
        said = {
            "AantalInwoners_5": inhabitants, "k_0Tot15Jaar_8": young, "k_65JaarOfOuder_12": old, "OppervlakteLand_116": 10000,
            "MateVanStedelijkheid_120": 4, "Bevolkingsdichtheid_34": inhabitants // 100,
        }  # fmt: skip
        rows.append(row | {rename.get(key, key): value for key, value in said.items()})
    topics = [Topic(key, datatype="String", unit="code") for key in _TEXT]
    topics += [
        Topic(rename.get(key, key), unit=_UNIT.get(key.rsplit("_", 1)[0], "aantal"), datatype="Long")
        for key in _NUMBERS
    ]
    # Of these columns CBS's topic groups were seen, so they are held to them.
    ages = [t for t in topics if t.key.startswith("k_")]
    at = next(n for n, topic in enumerate(topics) if topic.key.startswith("AantalInwoners"))
    grouped: list[Topic | Group] = [t for t in topics if t not in ages]
    grouped[at] = Group("Bevolking", [topics[at], Group("Leeftijdsgroepen", ages)])
    return V3Table.build(
        table_id,
        title=f"Kerncijfers wijken en buurten {year}",
        dims=[Dim("WijkenEnBuurten", codes, kind="GeoDetail")],
        topics=grouped,
        rows=rows,
    )
