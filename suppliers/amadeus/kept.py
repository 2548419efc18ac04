"""What of Amadeus's bodies a call record may keep: ids, prices, codes, dates and flights. Nothing of people.

An allow-list by field name, so that what Amadeus adds tomorrow is left out until somebody has read it. Left out on
purpose: names, birth dates, genders, contacts, addresses, phones, documents, loyalty numbers, remarks, fare notes, the
titles and details of errors (they may quote what was sent), and everything of the token call but its status.
"""

from __future__ import annotations

ALLOWED = frozenset({
    # envelopes and errors
    "data", "meta", "count", "errors", "warnings", "status", "code", "source", "pointer", "parameter", "type", "params",
    # what is asked
    "originLocationCode", "destinationLocationCode", "departureDate", "returnDate", "adults", "children", "infants",
    "travelClass", "nonStop", "max", "currencyCode", "include",
    # offers and orders
    "id", "flightOffers", "flightOfferId", "instantTicketingRequired", "nonHomogeneous", "lastTicketingDate",
    "lastTicketingDateTime", "numberOfBookableSeats", "itineraries", "segments", "departure", "arrival", "iataCode",
    "at", "carrierCode", "number", "operating", "duration", "price", "currency", "total", "base", "grandTotal", "fees",
    "amount", "billingCurrency", "additionalServices", "validatingAirlineCodes", "bookingStatus",
    "associatedRecords", "reference", "creationDate", "originSystemCode", "ticketingAgreement", "option", "delay",
    "dateTime", "automatedProcess", "queuingOfficeId", "tickets", "documentType", "documentStatus", "segmentIds",
    "travelerId", "bookingRequirements", "travelerRequirements",
})
