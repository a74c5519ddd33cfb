package einvoice

import "encoding/xml"

// The structures below follow the order that the schema of CII D16B prescribes.
// The numbers beside fields are EN 16931's business terms.

const (
	namespaceRSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
	namespaceRAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
	namespaceUDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
	guideline    = "urn:cen.eu:en16931:2017"
)

type crossIndustryInvoice struct {
	XMLName     xml.Name    `xml:"rsm:CrossIndustryInvoice"`
	RSM         string      `xml:"xmlns:rsm,attr"`
	RAM         string      `xml:"xmlns:ram,attr"`
	UDT         string      `xml:"xmlns:udt,attr"`
	Guideline   string      `xml:"rsm:ExchangedDocumentContext>ram:GuidelineSpecifiedDocumentContextParameter>ram:ID"` // BT-24
	Document    exchanged   `xml:"rsm:ExchangedDocument"`
	Transaction transaction `xml:"rsm:SupplyChainTradeTransaction"`
}

type exchanged struct {
	ID       string   `xml:"ram:ID"`       // BT-1
	TypeCode string   `xml:"ram:TypeCode"` // BT-3: 380 invoice, 381 credit note
	Issued   dateTime `xml:"ram:IssueDateTime"`
	Notes    []note   `xml:"ram:IncludedNote"`
}

type note struct {
	Content string `xml:"ram:Content"` // BT-22
}

// dateTime is a day as format 102, YYYYMMDD.
type dateTime struct {
	Value struct {
		Format string `xml:"format,attr"`
		Day    string `xml:",chardata"`
	} `xml:"udt:DateTimeString"`
}

type transaction struct {
	Lines      []lineItem `xml:"ram:IncludedSupplyChainTradeLineItem"`
	Seller     party      `xml:"ram:ApplicableHeaderTradeAgreement>ram:SellerTradeParty"`
	Buyer      party      `xml:"ram:ApplicableHeaderTradeAgreement>ram:BuyerTradeParty"`
	Delivery   struct{}   `xml:"ram:ApplicableHeaderTradeDelivery"`
	Settlement settlement `xml:"ram:ApplicableHeaderTradeSettlement"`
}

type party struct {
	Name         string            `xml:"ram:Name"` // BT-27, BT-44
	Contact      *contact          `xml:"ram:DefinedTradeContact,omitempty"`
	Address      address           `xml:"ram:PostalTradeAddress"`
	Registration []taxRegistration `xml:"ram:SpecifiedTaxRegistration"`
}

type contact struct {
	Phone *phone `xml:"ram:TelephoneUniversalCommunication,omitempty"`
	Email *email `xml:"ram:EmailURIUniversalCommunication,omitempty"`
}

type phone struct {
	Number string `xml:"ram:CompleteNumber"` // BT-42
}

type email struct {
	Address string `xml:"ram:URIID"` // BT-43
}

type address struct {
	PostalCode  string `xml:"ram:PostcodeCode,omitempty"`
	Line1       string `xml:"ram:LineOne,omitempty"`
	Line2       string `xml:"ram:LineTwo,omitempty"`
	City        string `xml:"ram:CityName,omitempty"`
	Country     string `xml:"ram:CountryID"`
	Subdivision string `xml:"ram:CountrySubDivisionName,omitempty"`
}

type taxRegistration struct {
	ID id `xml:"ram:ID"`
}

type id struct {
	Scheme string `xml:"schemeID,attr"` // VA: VAT (BT-31, BT-48); FC: local tax number (BT-32)
	Value  string `xml:",chardata"`
}

type lineItem struct {
	ID         string         `xml:"ram:AssociatedDocumentLineDocument>ram:LineID"` // BT-126
	Name       string         `xml:"ram:SpecifiedTradeProduct>ram:Name"`            // BT-153
	Price      price          `xml:"ram:SpecifiedLineTradeAgreement>ram:NetPriceProductTradePrice"`
	Quantity   quantity       `xml:"ram:SpecifiedLineTradeDelivery>ram:BilledQuantity"` // BT-129
	Settlement lineSettlement `xml:"ram:SpecifiedLineTradeSettlement"`
}

type price struct {
	Amount string    `xml:"ram:ChargeAmount"`            // BT-146, never negative
	Basis  *quantity `xml:"ram:BasisQuantity,omitempty"` // BT-149
}

type quantity struct {
	Unit  string `xml:"unitCode,attr"`
	Value string `xml:",chardata"`
}

type lineSettlement struct {
	Tax        lineTax     `xml:"ram:ApplicableTradeTax"`
	Period     *period     `xml:"ram:BillingSpecifiedPeriod,omitempty"`
	Allowances []allowance `xml:"ram:SpecifiedTradeAllowanceCharge"`
	Total      string      `xml:"ram:SpecifiedTradeSettlementLineMonetarySummation>ram:LineTotalAmount"` // BT-131
}

type lineTax struct {
	Type     string `xml:"ram:TypeCode"`
	Category string `xml:"ram:CategoryCode"`                    // BT-151
	Percent  string `xml:"ram:RateApplicablePercent,omitempty"` // BT-152
}

type period struct {
	Start *dateTime `xml:"ram:StartDateTime,omitempty"`
	End   *dateTime `xml:"ram:EndDateTime,omitempty"`
}

type allowance struct {
	Charge bool     `xml:"ram:ChargeIndicator>udt:Indicator"` // false: it takes off
	Amount string   `xml:"ram:ActualAmount"`                  // BT-136, BT-92
	Reason string   `xml:"ram:Reason"`
	Tax    *lineTax `xml:"ram:CategoryTradeTax,omitempty"` // of the whole document only
}

type settlement struct {
	Currency   string         `xml:"ram:InvoiceCurrencyCode"` // BT-5
	Taxes      []tax          `xml:"ram:ApplicableTradeTax"`
	Period     *period        `xml:"ram:BillingSpecifiedPeriod,omitempty"`
	Allowances []allowance    `xml:"ram:SpecifiedTradeAllowanceCharge"`
	Terms      *terms         `xml:"ram:SpecifiedTradePaymentTerms,omitempty"`
	Totals     totals         `xml:"ram:SpecifiedTradeSettlementHeaderMonetarySummation"`
	Preceding  *precedingNote `xml:"ram:InvoiceReferencedDocument,omitempty"`
}

type tax struct {
	Amount     string `xml:"ram:CalculatedAmount"` // BT-117
	Type       string `xml:"ram:TypeCode"`
	Reason     string `xml:"ram:ExemptionReason,omitempty"` // BT-120
	Basis      string `xml:"ram:BasisAmount"`               // BT-116
	Category   string `xml:"ram:CategoryCode"`              // BT-118
	ReasonCode string `xml:"ram:ExemptionReasonCode,omitempty"`
	Percent    string `xml:"ram:RateApplicablePercent,omitempty"` // BT-119
}

type terms struct {
	Description string    `xml:"ram:Description,omitempty"` // BT-20
	Due         *dateTime `xml:"ram:DueDateDateTime,omitempty"`
}

type totals struct {
	Lines      string `xml:"ram:LineTotalAmount"`                // BT-106
	Allowances string `xml:"ram:AllowanceTotalAmount,omitempty"` // BT-107
	Basis      string `xml:"ram:TaxBasisTotalAmount"`            // BT-109
	Tax        amount `xml:"ram:TaxTotalAmount"`                 // BT-110
	Grand      string `xml:"ram:GrandTotalAmount"`               // BT-112
	Prepaid    string `xml:"ram:TotalPrepaidAmount,omitempty"`   // BT-113
	Due        string `xml:"ram:DuePayableAmount"`               // BT-115
}

type amount struct {
	Currency string `xml:"currencyID,attr"`
	Value    string `xml:",chardata"`
}

type precedingNote struct {
	ID string `xml:"ram:IssuerAssignedID"` // BT-25
}
