"""What CBS's codes look like."""

from __future__ import annotations

#: Regions of which the form is fixed, by the first two characters of the code: country, municipality, wijk, buurt.
REGION_FORMS = {"NL": r"NL\d{1,2}", "GM": r"GM\d{4}", "WK": r"WK\d{6}", "BU": r"BU\d{8}"}
#: All others that CBS and the third parties use: PV30, CR36, LDG4, PVZZ, ET0101, A007397, and postcodes 5521, 5521AB.
OTHER_REGION_FORM = r"[A-Z]{1,2}[0-9A-Z]{2,6}|\d{4}([A-Z]{2})?"

#: CBS's period codes: year, school year, half-year, quarter, month, any period (X000), week (W1nn), and day.
PERIOD_FORM = r"\d{4}(JJ00|SJ00|HJ0[12]|KW0[1-4]|MM(0[1-9]|1[0-2])|X000|W1\d\d)|\d{8}"
