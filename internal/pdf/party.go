package pdf

import "strings"

// lines are the address as the post of its country writes it: where the postal
// code stands, and what comes first.
func (a Address) lines(w words) []string {
	var lines []string
	add := func(parts ...string) {
		if line := join(" ", parts...); line != "" {
			lines = append(lines, line)
		}
	}
	switch strings.ToUpper(a.Country) {
	case "JP":
		if a.PostalCode != "" {
			add("〒" + strings.TrimPrefix(a.PostalCode, "〒"))
		}
		if latinOnly(a.State + a.City + a.Line1) {
			add(a.Line1)
			add(a.Line2)
			add(join(", ", a.City, a.State))
		} else {
			add(a.State + a.City + a.Line1)
			add(a.Line2)
		}
	case "CN", "TW", "KR":
		if latinOnly(a.State + a.City + a.Line1) {
			add(a.Line1)
			add(a.Line2)
			add(join(", ", a.City, a.State), a.PostalCode)
			break
		}
		add(a.PostalCode)
		add(a.State, a.City)
		add(a.Line1)
		add(a.Line2)
	case "US", "CA", "AU", "IN", "MX", "BR", "NZ", "PR":
		add(a.Line1)
		add(a.Line2)
		add(join(", ", a.City, a.State), a.PostalCode)
	case "GB", "IE", "HK", "SG", "AE", "MT", "GI":
		add(a.Line1)
		add(a.Line2)
		add(a.City)
		add(a.State)
		add(a.PostalCode)
	default:
		add(a.Line1)
		add(a.Line2)
		add(a.PostalCode, a.City)
		add(a.State)
	}
	if a.Country != "" {
		add(w.country(a.Country))
	}
	return lines
}

func latinOnly(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x1100 })
}

// join joins what is not empty.
func join(separator string, parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, separator)
}

// taxIDNames are what countries call the tax ids that Stripe knows, where it is
// not simply a VAT number or an id (https://docs.stripe.com/billing/customer/tax-ids).
var taxIDNames = map[string]string{
	"ar_cuit": "CUIT", "au_abn": "ABN", "au_arn": "ARN", "bo_tin": "TIN", "br_cnpj": "CNPJ", "br_cpf": "CPF",
	"ca_bn": "BN", "ca_gst_hst": "GST/HST", "ca_pst_bc": "PST", "ca_pst_mb": "PST", "ca_pst_sk": "PST", "ca_qst": "QST",
	"ch_uid": "UID", "cl_tin": "RUT", "cn_tin": "TIN", "co_nit": "NIT", "cr_tin": "TIN", "de_stn": "St.-Nr.",
	"do_rcn": "RNC", "ec_ruc": "RUC", "es_cif": "NIF", "hk_br": "BR", "hu_tin": "Adószám", "id_npwp": "NPWP", "il_vat": "VAT",
	"in_gst": "GSTIN", "jp_cn": "法人番号", "jp_rn": "登録番号", "jp_trn": "登録番号", "kr_brn": "BRN", "li_uid": "UID",
	"mx_rfc": "RFC", "my_frp": "FRP", "my_itn": "ITN", "my_sst": "SST", "no_voec": "VOEC", "nz_gst": "GST", "pe_ruc": "RUC",
	"ph_tin": "TIN", "ro_tin": "CUI", "rs_pib": "PIB", "ru_inn": "ИНН", "ru_kpp": "КПП", "sg_gst": "GST", "sg_uen": "UEN",
	"sv_nit": "NIT", "th_vat": "TIN", "tw_vat": "統一編號", "us_ein": "EIN", "uy_ruc": "RUT", "ve_rif": "RIF", "vn_tin": "MST",
}

// label is what stands before the id.
func (id TaxID) label(w words) string {
	if name, ok := taxIDNames[id.Type]; ok {
		return name
	}
	if strings.HasSuffix(id.Type, "_vat") {
		return w.text("vat_id")
	}
	return w.text("tax_id")
}

// paragraph is the party as it stands on the document, below its name.
func (p Party) paragraph(w words) []string {
	lines := p.Address.lines(w)
	for _, extra := range []string{p.Email, p.Phone, p.Registration} {
		if extra != "" {
			lines = append(lines, extra)
		}
	}
	for _, id := range p.TaxIDs {
		if id.Value != "" {
			lines = append(lines, id.label(w)+" "+id.Value)
		}
	}
	return lines
}
