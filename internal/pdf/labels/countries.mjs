// Writes countries.tsv: the names of ISO 3166-1's countries in the languages of
// the labels, from the Unicode CLDR that Node carries.
//
//     node countries.mjs > countries.tsv

const languages = ["en", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv"];
const styled = (style) => languages.map((l) => new Intl.DisplayNames([l], { type: "region", fallback: "none", style }));
const names = styled("long");
const short = styled("short");
const longNames = new Set(["HK", "MO", "PS"]); // an address needs no more than Hong Kong
const notCountries = new Set(["AC", "AN", "BU", "CP", "CQ", "CS", "DD", "DG", "DY", "EA", "EU", "EZ", "FX", "HV", "IC", "NH", "NT", "QO", "RH", "SU", "TA", "TP", "UK", "UN", "VD", "XA", "XB", "YD", "YU", "ZR", "ZZ"]);
const alphabet = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

console.log(["code", ...languages].join("\t"));
for (const a of alphabet) {
  for (const b of alphabet) {
    const code = a + b;
    if (!notCountries.has(code) && names[0].of(code)) {
      console.log([code, ...(longNames.has(code) ? short : names).map((n) => n.of(code))].join("\t"));
    }
  }
}
